//! A call as mapping templates see it: its body, or the integration's, its parameters and the variables of its
//! context. Knows no template.

use std::borrow::Cow;

use bytes::Bytes;
use vtl::{Data, Message, Params};

use crate::rest::call::{CONTEXT_NAMES, Call};
use crate::rest::event;

/// A call, with the body that is mapped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallMessage<'m, 'c> {
    pub(crate) call: &'m Call<'c>,
    pub(crate) body: &'m Bytes,
}

impl Message for CallMessage<'_, '_> {
    fn body(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body)
    }

    fn params(&self) -> Params {
        let request = self.call.request;
        let path = self.call.route.params(&request.path);
        let mut querystring: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()).into_owned() {
            match querystring.iter_mut().find(|(known, _)| *known == name) {
                Some((_, last)) => *last = value,
                None => querystring.push((name, value)),
            }
        }
        let header = event::headers(self.call).into_iter().map(|(name, values)| {
            let last = values.into_iter().next_back().unwrap_or_default();
            (name.into_owned(), last.into_owned())
        });
        Params {
            path: path.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            querystring,
            header: header.collect(),
        }
    }

    fn context(&self) -> Data {
        let mut context: Vec<(String, Data)> = Vec::with_capacity(CONTEXT_NAMES.len());
        for name in CONTEXT_NAMES {
            let Some(value) = self.call.context(name) else { continue };
            let value = match *name {
                "requestTimeEpoch" => {
                    value.parse().map_or_else(|_| Data::Text(value.into_owned()), Data::Int)
                }
                _ => Data::Text(value.into_owned()),
            };
            insert(&mut context, name, value);
        }
        let authorizer = self.call.grant.get().and_then(|granted| granted.grant.data());
        context.extend(authorizer.map(|data| ("authorizer".to_owned(), data)));
        Data::Map(context)
    }

    fn stage_variables(&self) -> Data {
        let variables = self.call.release.variables.iter();
        Data::Map(variables.map(|(name, value)| (name.clone(), value.as_str().into())).collect())
    }
}

/// Puts `identity.sourceIp` into the map `identity`.
fn insert(map: &mut Vec<(String, Data)>, name: &str, value: Data) {
    let Some((outer, inner)) = name.split_once('.') else {
        map.push((name.to_owned(), value));
        return;
    };
    let place = map.iter().position(|(known, _)| known == outer).unwrap_or_else(|| {
        map.push((outer.to_owned(), Data::Map(Vec::new())));
        map.len() - 1
    });
    if let Some((_, Data::Map(entries))) = map.get_mut(place) {
        insert(entries, inner, value);
    }
}

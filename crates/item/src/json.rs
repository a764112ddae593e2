//! Attribute values as they stand on the wire: `{"S":"text"}`, an item as an object of them. Reads straight
//! from bytes. What is JSON of the right types but no value becomes a violation in AWS's words.

use bytes::Bytes;
use wire::Violations;
use wire::json::{self, JsonError, ReadJson, Reader, WriteJson, Writer};
use wire::rule::{Each, Rule};

use crate::rule::{NAME_BYTES_MAX, ValueError, first_duplicate};
use crate::{DEPTH_MAX, Item, Kind, Name, Number, NumberError, Parameters, Value, Values};

type Read<T> = Result<Option<T>, JsonError>;

impl ReadJson for Value {
    fn read_json(reader: &mut Reader<'_>, violations: &mut Violations) -> Read<Self> {
        Source { reader, violations, placeholder: None, fault: None }.value(0)
    }
}

impl ReadJson for Item {
    fn read_json(reader: &mut Reader<'_>, violations: &mut Violations) -> Read<Self> {
        Source { reader, violations, placeholder: None, fault: None }.item(0)
    }
}

impl ReadJson for Values {
    fn read_json(reader: &mut Reader<'_>, violations: &mut Violations) -> Read<Self> {
        Ok(Source { reader, violations, placeholder: Some(Name::default()), fault: None }
            .item(0)?
            .map(Self::from))
    }
}

static PARAMETERS: Rule = Rule::new(Some(1), None);

impl ReadJson for Parameters {
    fn read_json(reader: &mut Reader<'_>, violations: &mut Violations) -> Read<Self> {
        let mut fault = None;
        let values = json::list(reader, violations, (&PARAMETERS, Each::Free), |reader, violations| {
            let mut source = Source { reader, violations, placeholder: None, fault: Some(&mut fault) };
            // A value that was refused has left its fault.
            Ok(Some(source.value(0)?.unwrap_or_default()))
        })?;
        Ok(values.map(|values| Self::new(values, fault)))
    }
}

impl WriteJson for Parameters {
    fn write_json(&self, writer: &mut Writer) {
        self.values().unwrap_or_default().to_vec().write_json(writer);
    }
}

impl WriteJson for Values {
    fn write_json(&self, writer: &mut Writer) {
        Item::write_json(self, writer);
    }
}

struct Source<'s, 'r> {
    reader: &'s mut Reader<'r>,
    violations: &'s mut Violations,
    /// Of which placeholder a value is read, where it is one: complaints name it.
    placeholder: Option<Name>,
    /// Where the first complaint about a parameter is kept: it is told in a place of its own.
    fault: Option<&'s mut Option<ValueError>>,
}

impl Source<'_, '_> {
    fn refuse<T>(&mut self, error: &ValueError) -> Read<T> {
        if let Some(fault) = &mut self.fault {
            fault.get_or_insert_with(|| error.clone());
            return Ok(None);
        }
        self.violations.invalid(match &self.placeholder {
            Some(key) => error.placeholder_message(key),
            None => error.request_message(),
        });
        Ok(None)
    }

    /// `depth` counts the maps and lists around this value. Recursion ends at [`DEPTH_MAX`].
    fn value(&mut self, depth: usize) -> Read<Value> {
        self.reader.begin_object()?;
        let mut found = None;
        let mut members = 0;
        let mut refused = false;
        while let Some(key) = self.reader.next_key()? {
            // A member given as null is a member not given.
            if self.reader.null()? {
                continue;
            }
            let Some(kind) = Kind::from_wire(&key) else {
                self.reader.skip()?;
                continue;
            };
            members += 1;
            match self.member(kind, depth)? {
                Some(value) => found = Some(value),
                None => refused = true,
            }
        }
        match found {
            _ if refused => Ok(None),
            Some(value) if members == 1 => Ok(Some(value)),
            Some(_) => self.refuse(&ValueError::SeveralKinds),
            None => self.refuse(&ValueError::NoKind),
        }
    }

    fn member(&mut self, kind: Kind, depth: usize) -> Read<Value> {
        match kind {
            Kind::S => Ok(Some(Value::S(self.reader.string()?.into_owned()))),
            Kind::N => Ok(self.number()?.map(Value::N)),
            Kind::B => Ok(Some(Value::B(self.reader.blob()?))),
            Kind::Bool => Ok(Some(Value::Bool(self.reader.boolean()?))),
            Kind::Null if self.reader.boolean()? => Ok(Some(Value::Null)),
            Kind::Null => self.refuse(&ValueError::NullFalse),
            Kind::M | Kind::L if depth == DEPTH_MAX => {
                self.reader.skip()?;
                self.refuse(&ValueError::TooDeep)
            }
            Kind::M => Ok(self.item(depth + 1)?.map(Value::M)),
            Kind::L => Ok(self.list(depth + 1)?.map(Value::L)),
            Kind::Ss => self.set(kind, |source| Ok(Some(source.reader.string()?.into_owned())), Value::Ss),
            Kind::Ns => self.set(kind, Self::number, Value::Ns),
            Kind::Bs => self.set(kind, |source| source.reader.blob().map(Some), Value::Bs),
        }
    }

    fn number(&mut self) -> Read<Number> {
        let text = self.reader.string()?;
        if self.fault.is_some() && !fits_exponent(&text) {
            return self.refuse(&NumberError::NotNumeric(text.into_owned()).into());
        }
        match Number::parse(&text) {
            Ok(number) => Ok(Some(number)),
            Err(error) => self.refuse(&error.into()),
        }
    }

    fn set<T: Ord + Clone + SetMember>(
        &mut self,
        kind: Kind,
        mut read: impl FnMut(&mut Self) -> Read<T>,
        make: impl FnOnce(Vec<T>) -> Value,
    ) -> Read<Value> {
        self.reader.begin_array()?;
        let mut members = Vec::new();
        let mut refused = false;
        while self.reader.next_element()? {
            if self.reader.null()? {
                refused = true;
                self.refuse::<T>(&ValueError::NullMember(kind))?;
                continue;
            }
            match read(self)? {
                Some(member) => members.push(member),
                None => refused = true,
            }
        }
        if refused {
            return Ok(None);
        }
        if members.is_empty() {
            return self.refuse(&ValueError::EmptySet(kind));
        }
        if first_duplicate(&members).is_some() {
            let listed = members.iter().map(SetMember::print).collect::<Vec<_>>().join(", ");
            // Of parameters they are told without quotes.
            let listed = if self.fault.is_some() { listed.replace('"', "") } else { listed };
            return self.refuse(&ValueError::Duplicates(kind, listed));
        }
        Ok(Some(make(members)))
    }

    fn list(&mut self, depth: usize) -> Read<Vec<Value>> {
        self.reader.begin_array()?;
        let mut elements = Vec::new();
        let mut refused = false;
        while self.reader.next_element()? {
            match self.value(depth)? {
                Some(element) => elements.push(element),
                None => refused = true,
            }
        }
        Ok((!refused).then_some(elements))
    }

    /// Refuses what cannot name an attribute.
    fn name(&mut self, name: &str) -> Read<()> {
        match name.len() {
            0 => self.refuse(&ValueError::EmptyName),
            1..=NAME_BYTES_MAX => Ok(Some(())),
            _ => self.refuse(&ValueError::NameSize),
        }
    }

    fn item(&mut self, depth: usize) -> Read<Item> {
        self.reader.begin_object()?;
        let mut attributes = Vec::new();
        let mut refused = false;
        while let Some(key) = self.reader.next_key()? {
            if depth == 0 && self.placeholder.is_none() {
                refused |= self.name(&key)?.is_none();
            }
            let name = Name::new(&key);
            if depth == 0 && self.placeholder.is_some() {
                self.placeholder = Some(name.clone());
            }
            let value = match self.reader.null()? {
                true => self.refuse(&ValueError::NoKind)?,
                false => self.value(depth)?,
            };
            match value {
                Some(value) => attributes.push((name, value)),
                None => refused = true,
            }
        }
        Ok((!refused).then(|| Item::from_unsorted(attributes)))
    }
}

/// Whether the exponent of a number fits 32 bits: parameters of statements are read as Java's BigDecimal reads them.
fn fits_exponent(text: &str) -> bool {
    text.split_once(['e', 'E']).is_none_or(|(_, exponent)| exponent.parse::<i32>().is_ok())
}

/// How a member of a set stands in the text about duplicates: `[a, b]`.
trait SetMember {
    fn print(&self) -> String;
}

impl SetMember for String {
    fn print(&self) -> String {
        format!("\"{self}\"")
    }
}

impl SetMember for Number {
    fn print(&self) -> String {
        format!("\"{self}\"")
    }
}

impl SetMember for Bytes {
    fn print(&self) -> String {
        let mut writer = Writer::with_capacity(self.len() * 2);
        writer.blob(self);
        String::from_utf8_lossy(&writer.into_vec()).trim_matches('"').to_owned()
    }
}

impl WriteJson for Value {
    fn write_json(&self, writer: &mut Writer) {
        writer.begin_object();
        writer.key(self.kind().as_str());
        match self {
            Self::S(text) => writer.string(text),
            Self::N(number) => write_number(*number, writer),
            Self::B(bytes) => writer.blob(bytes),
            Self::Bool(truth) => writer.boolean(*truth),
            Self::Null => writer.boolean(true),
            Self::M(item) => item.write_json(writer),
            Self::L(elements) => elements.write_json(writer),
            Self::Ss(members) => members.write_json(writer),
            Self::Ns(members) => {
                writer.begin_array();
                members.iter().for_each(|member| write_number(*member, writer));
                writer.end_array();
            }
            Self::Bs(members) => members.write_json(writer),
        }
        writer.end_object();
    }
}

impl WriteJson for Item {
    fn write_json(&self, writer: &mut Writer) {
        writer.begin_object();
        for (name, value) in self.iter() {
            writer.key(name);
            value.write_json(writer);
        }
        writer.end_object();
    }
}

pub(crate) fn write_number(number: Number, writer: &mut Writer) {
    writer.string(number.text().as_str());
}

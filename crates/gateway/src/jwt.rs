//! JSON Web Tokens: the keys of issuers, fetched once and again when they change, and what a token must say to be
//! taken. Knows no API and no authorizer: REST APIs (`COGNITO_USER_POOLS`, `JWT`) and HTTP APIs (`JWT`) ask it alike.
//!
//! The signature's algorithm is one of the closed set [`Algorithm`] and must fit the type of the issuer's key: there
//! is no `none`, and no HMAC that could be tricked into taking a public key for a secret.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::{Clock, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use wire::json::{Kind, Reader};

use crate::backends::Backends;

/// AWS keeps an issuer's keys for two hours.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>
const KEYS_AGE_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// Tokens of unknown keys make an issuer be asked anew, at most this often.
const FETCH_EVERY: Duration = Duration::from_secs(10);
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
const DOCUMENT_BYTES_MAX: usize = 1 << 20;
const DEPTH_MAX: usize = 16;
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Tokens of a key set whose signatures were checked and need not be again. When full it begins anew.
const VERIFIED_MAX: usize = 2048;
const ISSUERS_MAX: usize = 1024;

/// Why a token is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwtError {
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    #[error("the signing method is not supported")]
    Algorithm,
    #[error("unable to find a signing key that matches the token's")]
    UnknownKey,
    #[error("the signature does not match")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is used before it is valid")]
    NotYet,
    #[error("the token has an invalid issuer")]
    Issuer,
    #[error("the token does not have a valid audience")]
    Audience,
    #[error("the token has none of the scopes")]
    Scope,
    /// The issuer could not be asked; why, for the log.
    #[error("the issuer's keys: {0}")]
    Keys(String),
}

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum KeySource {
    /// By OpenID discovery: `jwks_uri` in the issuer's `.well-known/openid-configuration`.
    Discovery(String),
    /// The key set itself.
    KeySet(String),
}

/// What a token must say beyond a sound signature and a time that is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demands<'a> {
    /// `iss` must be one of them.
    pub(crate) issuers: &'a [String],
    /// `aud`, or without one `client_id`, must be one of them; empty: whatever it is.
    pub(crate) audiences: &'a [String],
    /// `scope` or `scp` must have one of them; empty: none is needed.
    pub(crate) scopes: &'a [String],
    /// It must be signed by one of them, as JOSE names them; empty: by any that is known.
    pub(crate) algorithms: &'a [String],
}

/// A claim's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Claim {
    Text(String),
    /// As written.
    Number(String),
    Boolean(bool),
    Texts(Vec<String>),
    Null,
    /// Anything else, as written.
    Json(String),
}

/// What a token says, in its order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Claims {
    entries: Vec<(String, Claim)>,
}

impl Claims {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Claim)> {
        self.entries.iter().map(|(name, claim)| (name.as_str(), claim))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Claim> {
        self.iter().find(|(known, _)| *known == name).map(|(_, claim)| claim)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Claim::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A point in time, in seconds.
    fn seconds(&self, name: &'static str) -> Result<Option<f64>, JwtError> {
        match self.get(name) {
            None | Some(Claim::Null) => Ok(None),
            Some(Claim::Number(number)) => {
                number.parse().map(Some).map_err(|_| JwtError::Malformed("a time is no number"))
            }
            Some(_) => Err(JwtError::Malformed("a time is no number")),
        }
    }

    /// All that the token may do, of both spellings.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        let of = |name: &str| match self.get(name) {
            Some(Claim::Text(text)) => text.split_ascii_whitespace().collect(),
            Some(Claim::Texts(texts)) => texts.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        of("scope").into_iter().chain(of("scp"))
    }

    fn check_issuer(&self, demands: &Demands<'_>) -> Result<(), JwtError> {
        let is_known = |issuer: &str| demands.issuers.iter().any(|known| known == issuer);
        if self.text("iss").is_some_and(is_known) { Ok(()) } else { Err(JwtError::Issuer) }
    }

    fn check(&self, demands: &Demands<'_>, now: Timestamp) -> Result<(), JwtError> {
        #[expect(clippy::cast_precision_loss, reason = "seconds of this age of the world are exact")]
        let now = now.as_secs() as f64;
        let expires = self.seconds("exp")?.ok_or(JwtError::Malformed("it has no exp"))?;
        if expires <= now {
            return Err(JwtError::Expired);
        }
        if self.seconds("nbf")?.is_some_and(|begin| begin > now)
            || self.seconds("iat")?.is_some_and(|issued| issued > now)
        {
            return Err(JwtError::NotYet);
        }
        self.check_issuer(demands)?;
        let known = |audience: &str| demands.audiences.iter().any(|known| known == audience);
        let meant = match (self.get("aud"), self.text("client_id")) {
            (Some(Claim::Text(audience)), _) => known(audience),
            (Some(Claim::Texts(audiences)), _) => audiences.iter().any(|audience| known(audience)),
            (_, Some(client)) => known(client),
            _ => false,
        };
        if !demands.audiences.is_empty() && !meant {
            return Err(JwtError::Audience);
        }
        let may = || self.scopes().any(|scope| demands.scopes.iter().any(|wanted| wanted == scope));
        if demands.scopes.is_empty() || may() { Ok(()) } else { Err(JwtError::Scope) }
    }
}

/// The keys of all issuers that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Issuers {
    known: Mutex<HashMap<KeySource, Arc<Issuer>>>,
}

#[derive(Debug, Default)]
struct Issuer {
    keys: Mutex<Option<Arc<KeySet>>>,
    /// Held while the issuer is asked, so that one asks for all; when it was last asked.
    asked: tokio::sync::Mutex<Option<Timestamp>>,
}

/// The keys as they were at one time, and the tokens that they were found to have signed.
#[derive(Debug)]
struct KeySet {
    keys: Vec<Key>,
    fetched: Timestamp,
    verified: Mutex<HashMap<Box<str>, Verified>>,
}

/// What a token says that a key has signed, and by which algorithm.
#[derive(Debug, Clone)]
struct Verified {
    claims: Arc<Claims>,
    algorithm: Algorithm,
}

#[derive(Debug)]
struct Key {
    id: String,
    /// The one algorithm that it is for, if it says so.
    algorithm: Option<Algorithm>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point on the curve of the algorithm.
    Ec(Vec<u8>, Algorithm),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
}

impl Algorithm {
    const ALL: [(&'static str, Self); 8] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
    ];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, algorithm)| algorithm)
    }

    fn is_one_of(self, names: &[String]) -> bool {
        names.is_empty() || names.iter().any(|name| Self::parse(name) == Some(self))
    }

    /// None for those on curves.
    fn rsa(self) -> Option<&'static RsaParameters> {
        Some(match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::Es256 | Self::Es384 => return None,
        })
    }
}

/// A token, taken apart and not yet believed.
#[derive(Debug)]
struct Parsed<'t> {
    algorithm: Algorithm,
    key_id: String,
    signed: &'t [u8],
    signature: Vec<u8>,
    claims: Claims,
}

impl Issuers {
    /// The claims of `token`, if it is to be taken: signed by a key of `source` and saying what is demanded.
    pub(crate) async fn verify(
        &self,
        (backends, clock): (&Backends, &Clock),
        source: &KeySource,
        token: &str,
        demands: &Demands<'_>,
    ) -> Result<Arc<Claims>, JwtError> {
        let issuer = self.issuer(source);
        let known = issuer.fresh(clock.now());
        let known_claims = known.as_ref().and_then(|keys| keys.verified(token));
        let Verified { claims, algorithm } = match known_claims {
            Some(verified) => verified,
            None => {
                let parsed = Parsed::parse(token)?;
                if !parsed.algorithm.is_one_of(demands.algorithms) {
                    return Err(JwtError::Algorithm);
                }
                // Another issuer's token makes nobody ask this one. What else it says is asked when it is known who says it:
                // who forges a token learns nothing of what a good one must say.
                parsed.claims.check_issuer(demands)?;
                let keys = match known {
                    Some(keys) if keys.find(&parsed.key_id).is_some() => keys,
                    _ => issuer.ask((backends, clock), source, &parsed.key_id).await?,
                };
                keys.check(token, parsed)?
            }
        };
        if !algorithm.is_one_of(demands.algorithms) {
            return Err(JwtError::Algorithm);
        }
        claims.check(demands, clock.now())?;
        Ok(claims)
    }

    fn issuer(&self, source: &KeySource) -> Arc<Issuer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issuer) = known.get(source) {
            return Arc::clone(issuer);
        }
        if known.len() >= ISSUERS_MAX {
            known.clear();
        }
        Arc::clone(known.entry(source.clone()).or_default())
    }
}

impl Issuer {
    fn fresh(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.clone().filter(|keys| !is_past(keys.fetched, KEYS_AGE_MAX, now))
    }

    /// The issuer's keys with one of `key_id`, asked for unless they just were.
    async fn ask(
        &self,
        (backends, clock): (&Backends, &Clock),
        source: &KeySource,
        key_id: &str,
    ) -> Result<Arc<KeySet>, JwtError> {
        let mut asked = self.asked.lock().await;
        let found = self.fresh(clock.now());
        if let Some(keys) = found.filter(|keys| keys.find(key_id).is_some()) {
            return Ok(keys);
        }
        if asked.is_some_and(|asked| !is_past(asked, FETCH_EVERY, clock.now())) {
            return Err(JwtError::UnknownKey);
        }
        *asked = Some(clock.now());
        let fetched = tokio::select! {
            biased;
            keys = fetch(backends, source) => keys?,
            () = clock.sleep(FETCH_TIMEOUT) => return Err(JwtError::Keys("the issuer took too long".into())),
        };
        let keys = Arc::new(KeySet { keys: fetched, fetched: clock.now(), verified: Mutex::default() });
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
        keys.find(key_id).map(|_| Arc::clone(&keys)).ok_or(JwtError::UnknownKey)
    }
}

fn is_past(begin: Timestamp, span: Duration, now: Timestamp) -> bool {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    now.0 >= begin.0.saturating_add(span)
}

async fn fetch(backends: &Backends, source: &KeySource) -> Result<Vec<Key>, JwtError> {
    let get = async |url: &str| {
        let document = backends.get(url, DOCUMENT_BYTES_MAX).await;
        document.map_err(|why| JwtError::Keys(format!("{url}: {why}")))
    };
    let url = match source {
        KeySource::KeySet(url) => url.clone(),
        KeySource::Discovery(issuer) => {
            let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let document = get(&url).await?;
            let named = read_object(&document).ok().and_then(|found| text_of(&found, "jwks_uri"));
            named.ok_or_else(|| JwtError::Keys(format!("{url} has no jwks_uri")))?
        }
    };
    let document = get(&url).await?;
    read_keys(&document).map_err(|_| JwtError::Keys(format!("{url} is no key set")))
}

impl KeySet {
    fn find(&self, key_id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == key_id)
    }

    fn verified(&self, token: &str) -> Option<Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// Checks the signature and remembers a good one.
    fn check(&self, token: &str, parsed: Parsed<'_>) -> Result<Verified, JwtError> {
        let key = self.find(&parsed.key_id).ok_or(JwtError::UnknownKey)?;
        key.check(&parsed)?;
        let found = Verified { claims: Arc::new(parsed.claims), algorithm: parsed.algorithm };
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= VERIFIED_MAX {
            verified.clear();
        }
        verified.insert(token.into(), found.clone());
        Ok(found)
    }
}

impl Key {
    fn check(&self, token: &Parsed<'_>) -> Result<(), JwtError> {
        if self.algorithm.is_some_and(|only| only != token.algorithm) {
            return Err(JwtError::Algorithm);
        }
        let checked = match (&self.public, token.algorithm.rsa()) {
            (Public::Rsa { n, e }, Some(parameters)) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, token.signed, &token.signature)
            }
            (Public::Ec(point, algorithm), None) if *algorithm == token.algorithm => {
                let curve = match algorithm {
                    Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
                    _ => &signature::ECDSA_P256_SHA256_FIXED,
                };
                UnparsedPublicKey::new(curve, point).verify(token.signed, &token.signature)
            }
            _ => return Err(JwtError::Algorithm),
        };
        checked.map_err(|_| JwtError::Signature)
    }

    /// A key of a set; none if it is not one to sign with, or of a kind that is not known.
    fn parse(members: &[(String, Claim)]) -> Option<Self> {
        if text_of(members, "use").is_some_and(|usage| usage != "sig") {
            return None;
        }
        let algorithm = match text_of(members, "alg") {
            Some(name) => Some(Algorithm::parse(&name)?),
            None => None,
        };
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text_of(members, name)?.trim_end_matches('=')).ok();
        let public = match text_of(members, "kty")?.as_str() {
            "RSA" => Public::Rsa { n: without_zeros(bytes("n")?), e: without_zeros(bytes("e")?) },
            "EC" => {
                let (algorithm, size) = match text_of(members, "crv")?.as_str() {
                    "P-256" => (Algorithm::Es256, 32),
                    "P-384" => (Algorithm::Es384, 48),
                    _ => return None,
                };
                Public::Ec(point(&bytes("x")?, &bytes("y")?, size)?, algorithm)
            }
            _ => return None,
        };
        Some(Self { id: text_of(members, "kid")?, algorithm, public })
    }
}

/// Some issuers write the sign byte of ASN.1 before the modulus.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn point(x: &[u8], y: &[u8], size: usize) -> Option<Vec<u8>> {
    (x.len() == size && y.len() == size).then(|| [&[4], x, y].concat())
}

/// Who a token says has issued it, believed or not: where several issuers are trusted, whose keys to look for.
pub(crate) fn claimed_issuer(token: &str) -> Result<String, JwtError> {
    Parsed::parse(token)?.claims.text("iss").map(str::to_owned).ok_or(JwtError::Issuer)
}

/// A token, taken apart and not believed, in words.
pub(crate) fn take_apart(token: &str) -> Option<String> {
    Some(format!("{:?}", Parsed::parse(token).ok()?))
}

/// How many keys of a key set can have signed a token.
pub(crate) fn count_keys(document: &Bytes) -> Option<usize> {
    Some(read_keys(document).ok()?.len())
}

impl<'t> Parsed<'t> {
    fn parse(token: &'t str) -> Result<Self, JwtError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwtError::Malformed("it is too long"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed("it has no parts"))?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed("it has no parts"))?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed("no base64"));
        let header = read_object(&decode(header)?)?;
        // What is critical must be understood, and nothing is.
        if header.iter().any(|(name, _)| name == "crit") {
            return Err(JwtError::Malformed("it has critical parts"));
        }
        let name = text_of(&header, "alg").ok_or(JwtError::Algorithm)?;
        Ok(Self {
            algorithm: Algorithm::parse(&name).ok_or(JwtError::Algorithm)?,
            key_id: text_of(&header, "kid").ok_or(JwtError::UnknownKey)?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
            claims: Claims { entries: read_object(&decode(claims)?)? },
        })
    }
}

fn text_of(members: &[(String, Claim)], name: &str) -> Option<String> {
    members.iter().find_map(|(known, claim)| match claim {
        Claim::Text(text) if known == name => Some(text.clone()),
        _ => None,
    })
}

fn read_object(json: &[u8]) -> Result<Vec<(String, Claim)>, JwtError> {
    let read = || {
        let mut reader = Reader::new(json, DEPTH_MAX)?;
        let members = read_members(&mut reader)?;
        reader.end()?;
        Ok(members)
    };
    read().map_err(|_: wire::json::JsonError| JwtError::Malformed("no JSON object"))
}

fn read_members(reader: &mut Reader<'_>) -> Result<Vec<(String, Claim)>, wire::json::JsonError> {
    let mut members = Vec::new();
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        let name = name.into_owned();
        let claim = match reader.peek()? {
            Kind::String => Claim::Text(reader.string()?.into_owned()),
            Kind::Number => Claim::Number(reader.number()?.to_owned()),
            Kind::True | Kind::False => Claim::Boolean(reader.boolean()?),
            Kind::Null => {
                reader.null()?;
                Claim::Null
            }
            Kind::Array => texts(reader.raw()?),
            Kind::Object => Claim::Json(reader.raw()?.to_owned()),
        };
        members.push((name, claim));
    }
    Ok(members)
}

/// A list of texts, or whatever else it is.
fn texts(json: &str) -> Claim {
    let read = || {
        let mut reader = Reader::new(json.as_bytes(), DEPTH_MAX).ok()?;
        let mut texts = Vec::new();
        reader.begin_array().ok()?;
        while reader.next_element().ok()? {
            if reader.peek().ok()? != Kind::String {
                return None;
            }
            texts.push(reader.string().ok()?.into_owned());
        }
        Some(texts)
    };
    read().map_or_else(|| Claim::Json(json.to_owned()), Claim::Texts)
}

/// `{"keys": [...]}`
fn read_keys(document: &Bytes) -> Result<Vec<Key>, wire::json::JsonError> {
    let mut reader = Reader::new(document, DEPTH_MAX)?;
    let mut keys = Vec::new();
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        if name != "keys" {
            reader.skip()?;
            continue;
        }
        reader.begin_array()?;
        while reader.next_element()? {
            keys.extend(Key::parse(&read_members(&mut reader)?));
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::rsa::KeyPair;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        RsaEncoding,
    };

    use super::*;

    const RSA: &[u8] = include_bytes!("../testdata/rsa.pk8");
    const ISSUER: &str = "https://issuer.test/pool";

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn rsa_set(extra: &str) -> KeySet {
        let pair = KeyPair::from_pkcs8(RSA).unwrap();
        let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
        let (n, e) = (encode(public.n), encode(public.e));
        set(&format!(r#"{{"keys":[{{"kid":"k","kty":"RSA","n":"{n}","e":"{e}"{extra}}}]}}"#))
    }

    fn set(document: &str) -> KeySet {
        let keys = read_keys(&Bytes::copy_from_slice(document.as_bytes())).unwrap();
        KeySet { keys, fetched: Timestamp(0), verified: Mutex::default() }
    }

    fn unsigned(algorithm: &str, claims: &str) -> String {
        let header = format!(r#"{{"alg":"{algorithm}","kid":"k"}}"#);
        format!("{}.{}", encode(header), encode(claims))
    }

    fn rsa_token(algorithm: &str, padding: &'static dyn RsaEncoding, claims: &str) -> String {
        let pair = KeyPair::from_pkcs8(RSA).unwrap();
        let text = unsigned(algorithm, claims);
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", encode(signature))
    }

    fn outcome(keys: &KeySet, token: &str) -> Result<(), JwtError> {
        keys.check(token, Parsed::parse(token)?).map(|_| ())
    }

    #[test]
    fn every_algorithm_of_the_set_is_verified() {
        let table: [(&str, &'static dyn RsaEncoding); 6] = [
            ("RS256", &signature::RSA_PKCS1_SHA256),
            ("RS384", &signature::RSA_PKCS1_SHA384),
            ("RS512", &signature::RSA_PKCS1_SHA512),
            ("PS256", &signature::RSA_PSS_SHA256),
            ("PS384", &signature::RSA_PSS_SHA384),
            ("PS512", &signature::RSA_PSS_SHA512),
        ];
        let keys = rsa_set("");
        for (name, padding) in table {
            let token = rsa_token(name, padding, "{}");
            assert_eq!(outcome(&keys, &token), Ok(()), "{name}");
            let tampered = token.replace(&format!(".{}.", encode("{}")), &format!(".{}.", encode("{ }")));
            assert_eq!(outcome(&keys, &tampered), Err(JwtError::Signature), "{name}");
        }
        let curves = [
            ("ES256", "P-256", 32, &ECDSA_P256_SHA256_FIXED_SIGNING),
            ("ES384", "P-384", 48, &ECDSA_P384_SHA384_FIXED_SIGNING),
        ];
        let random = SystemRandom::new();
        for (name, curve, size, signing) in curves {
            let document = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &random).unwrap();
            let point = pair.public_key().as_ref();
            let (x, y) = (encode(&point[1..=size]), encode(&point[1 + size..]));
            let keys =
                set(&format!(r#"{{"keys":[{{"kid":"k","kty":"EC","crv":"{curve}","x":"{x}","y":"{y}"}}]}}"#));
            for signed_as in ["ES256", "ES384"] {
                let text = unsigned(signed_as, "{}");
                let token = format!("{text}.{}", encode(pair.sign(&random, text.as_bytes()).unwrap()));
                let expected = if signed_as == name { Ok(()) } else { Err(JwtError::Algorithm) };
                assert_eq!(outcome(&keys, &token), expected, "{signed_as} by a key on {curve}");
            }
        }
    }

    #[test]
    fn no_algorithm_is_taken_for_another() {
        let keys = rsa_set("");
        for name in ["none", "None", "HS256", "HS512", "ES512", ""] {
            let token = format!("{}.{}", unsigned(name, "{}"), encode("secret"));
            assert_eq!(outcome(&keys, &token), Err(JwtError::Algorithm), "{name}");
        }
        let es = format!("{}.{}", unsigned("ES256", "{}"), encode([0; 64]));
        assert_eq!(outcome(&keys, &es), Err(JwtError::Algorithm));
        let token = rsa_token("RS512", &signature::RSA_PKCS1_SHA512, "{}");
        assert_eq!(outcome(&rsa_set(r#","alg":"RS256""#), &token), Err(JwtError::Algorithm));
        assert_eq!(outcome(&rsa_set(r#","use":"enc""#), &token), Err(JwtError::UnknownKey));
        let relabelled = token.replacen(
            &encode(r#"{"alg":"RS512","kid":"k"}"#),
            &encode(r#"{"alg":"RS256","kid":"k"}"#),
            1,
        );
        assert_eq!(outcome(&keys, &relabelled), Err(JwtError::Signature));
        for text in ["", "a", "a.b", "a.b.c", "..", "e30.e30.", "bnVsbA.e30."] {
            assert!(outcome(&keys, text).is_err(), "{text}");
        }
    }

    #[test]
    fn claims_are_asked_in_full() {
        let now = Timestamp(1_000_000);
        let (issuers, audiences, scopes) =
            ([ISSUER.to_owned()], ["app".to_owned()], ["read".to_owned(), "write".to_owned()]);
        let demands = Demands { issuers: &issuers, audiences: &audiences, scopes: &scopes, algorithms: &[] };
        let table = [
            (r#""exp":1001,"aud":"app","scope":"x read""#, Ok(())),
            (r#""exp":1001.5,"aud":["b","app"],"scp":["write"]"#, Ok(())),
            (r#""exp":1001,"client_id":"app","scope":"read","nbf":1000,"iat":1000"#, Ok(())),
            (r#""exp":1001,"aud":"other","client_id":"app","scope":"read""#, Err(JwtError::Audience)),
            (r#""exp":1001,"scope":"read""#, Err(JwtError::Audience)),
            (r#""exp":1001,"aud":"app","scope":"reader""#, Err(JwtError::Scope)),
            (r#""exp":1001,"aud":"app""#, Err(JwtError::Scope)),
            (r#""exp":1000,"aud":"app","scope":"read""#, Err(JwtError::Expired)),
            (r#""aud":"app","scope":"read""#, Err(JwtError::Malformed("it has no exp"))),
            (r#""exp":"1001","aud":"app""#, Err(JwtError::Malformed("a time is no number"))),
            (r#""exp":1001,"nbf":1001,"aud":"app","scope":"read""#, Err(JwtError::NotYet)),
            (r#""exp":1001,"iat":1001,"aud":"app","scope":"read""#, Err(JwtError::NotYet)),
        ];
        for (claims, expected) in table {
            let entries = read_object(format!(r#"{{"iss":"{ISSUER}",{claims}}}"#).as_bytes()).unwrap();
            assert_eq!(Claims { entries }.check(&demands, now), expected, "{claims}");
        }
        let entries = read_object(br#"{"iss":"https://issuer.test","exp":1001}"#).unwrap();
        assert_eq!(Claims { entries }.check(&demands, now), Err(JwtError::Issuer));
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let document = r#"{"a":[1],"keys":[{"kty":"oct","kid":"k","k":"AA"},{"kty":"OKP","crv":"Ed25519","kid":"k"},
            {"kty":"EC","crv":"P-256","kid":"k","x":"AA","y":"AA"},{"kty":"RSA","kid":"k","alg":"HS256","n":"AQ","e":"AQAB"}]}"#;
        assert!(set(document).keys.is_empty());
        assert!(read_keys(&Bytes::from_static(b"<html>")).is_err());
    }
}

//! What an authorizer may be here: a function that is asked with a token or the whole request.
//!
//! Everything else is refused when it is put, never when it is asked.

use gateway::records::{Authorizer, AuthorizerKind, Credentials, IdentitySource};
use gateway::selection_pattern;
use identity::RoleName;

use crate::Error;
use crate::integration;
use crate::model;
use crate::records::{ApiRecord, AuthorizerRecord};

/// Authorizers of one API: API Gateway's quota.
const AUTHORIZERS_MAX: usize = 10;
const NAME_CHARS_MAX: usize = 128;
const TTL_SECS_DEFAULT: u32 = 300;
const TTL_SECS_MAX: u32 = 3_600;
const TOKEN_SOURCE: &str = "method.request.header.Authorization";

/// Checks an authorizer, and puts it into the form that is served.
pub(crate) fn served(record: &AuthorizerRecord) -> Result<Authorizer, Error> {
    if record.name.is_empty() || record.name.chars().count() > NAME_CHARS_MAX {
        return Err(Error::bad("Authorizer name must be from 1 to 128 characters"));
    }
    let kind = match record.kind.as_str() {
        "TOKEN" => AuthorizerKind::Token,
        "REQUEST" => AuthorizerKind::Request,
        "COGNITO_USER_POOLS" => {
            return Err(Error::unsupported(
                "An authorizer of Cognito user pools, whose service is not here,",
            ));
        }
        _ => {
            return Err(Error::bad(
                "Invalid authorizer type specified. Must be one of: [TOKEN, REQUEST, COGNITO_USER_POOLS]",
            ));
        }
    };
    let function = integration::function_of(&record.uri);
    let function = function.ok_or_else(|| Error::bad("Invalid Authorizer URI specified in the request"))?;
    let ttl_secs = record.ttl_secs.unwrap_or(TTL_SECS_DEFAULT);
    if ttl_secs > TTL_SECS_MAX {
        return Err(Error::bad("Authorizer result TTL must be between 0 and 3600 seconds"));
    }
    if let Some(pattern) = &record.validation {
        selection_pattern(pattern)?;
    }
    let credentials = match integration::role(record.credentials.as_deref()) {
        None => Credentials::Service,
        Some(role) if RoleName::parse(role).is_some() => Credentials::Role(role.to_owned()),
        Some(_) => return Err(Error::bad("Invalid ARN specified in the request")),
    };
    let identity = identity(kind, record.identity_source.as_deref())?;
    if kind == AuthorizerKind::Request && ttl_secs > 0 && identity.is_empty() {
        return Err(Error::bad("Identity sources are required where results are cached"));
    }
    Ok(Authorizer {
        name: record.name.clone(),
        kind,
        function: function.to_owned(),
        credentials,
        identity,
        validation: record.validation.clone().filter(|_| kind == AuthorizerKind::Token),
        ttl_secs,
    })
}

fn identity(kind: AuthorizerKind, text: Option<&str>) -> Result<Vec<IdentitySource>, Error> {
    let default = if kind == AuthorizerKind::Token { TOKEN_SOURCE } else { "" };
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or(default);
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let sources: Vec<IdentitySource> = parts.map(source).collect::<Result<_, _>>()?;
    let is_header = |source: &IdentitySource| matches!(source, IdentitySource::Header(_));
    if kind == AuthorizerKind::Token && (sources.len() != 1 || !sources.iter().all(is_header)) {
        return Err(Error::bad("A TOKEN authorizer has one identity source, a header of the request"));
    }
    Ok(sources)
}

fn source(text: &str) -> Result<IdentitySource, Error> {
    let is_name = |name: &&str| !name.is_empty() && name.len() <= 256;
    let named = |prefix: &str| text.strip_prefix(prefix).filter(is_name).map(str::to_owned);
    let found = (named("method.request.header.").map(IdentitySource::Header))
        .or_else(|| named("method.request.querystring.").map(IdentitySource::Query))
        .or_else(|| named("stageVariables.").map(IdentitySource::Variable))
        .or_else(|| named("context.").map(IdentitySource::Context));
    found.ok_or_else(|| Error::bad(format!("Invalid identity source: {text}")))
}

impl ApiRecord {
    /// Puts an authorizer under its name, and answers its id: the one that it has, or a new one.
    pub(crate) fn put_authorizer(&mut self, record: AuthorizerRecord) -> Result<String, Error> {
        served(&record)?;
        let known = self.authorizers.iter().find(|(_, known)| known.name == record.name);
        let id = match known {
            Some((id, _)) => id.clone(),
            None if self.authorizers.len() >= AUTHORIZERS_MAX => {
                return Err(Error::LimitExceeded(
                    "Maximum number of authorizers for this RestApi has been reached.".to_owned(),
                ));
            }
            None => model::short_id(),
        };
        self.authorizers.insert(id.clone(), record);
        Ok(id)
    }

    /// The authorizer of this id.
    pub(crate) fn authorizer(&self, id: &str) -> Result<&AuthorizerRecord, Error> {
        self.authorizers.get(id).ok_or_else(missing)
    }

    /// Takes an authorizer away that no method names.
    pub(crate) fn remove_authorizer(&mut self, id: &str) -> Result<(), Error> {
        let mut methods = self.resources.values().flat_map(|resource| resource.methods.values());
        if methods.any(|method| method.authorizer_id.as_deref() == Some(id)) {
            return Err(Error::Conflict(format!("Authorizer {id} is in use by a method")));
        }
        self.authorizers.remove(id).map(drop).ok_or_else(missing)
    }
}

fn missing() -> Error {
    Error::NotFound("Invalid Authorizer identifier specified".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str) -> AuthorizerRecord {
        let function = "arn:aws:lambda:us-east-1:111111111111:function:f";
        AuthorizerRecord {
            name: "a".into(),
            kind: kind.into(),
            uri: format!(
                "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
            ),
            ..AuthorizerRecord::default()
        }
    }

    #[test]
    fn an_authorizer_gets_apis_defaults() {
        let token = served(&record("TOKEN")).unwrap();
        assert_eq!(token.identity, [IdentitySource::Header("Authorization".into())]);
        assert_eq!((token.ttl_secs, token.credentials), (300, Credentials::Service));
        let given = "method.request.querystring.q, stageVariables.v,context.identity.sourceIp";
        let request = AuthorizerRecord { identity_source: Some(given.into()), ..record("REQUEST") };
        let expected = [
            IdentitySource::Query("q".into()),
            IdentitySource::Variable("v".into()),
            IdentitySource::Context("identity.sourceIp".into()),
        ];
        assert_eq!(served(&request).unwrap().identity, expected);
        assert!(
            served(&AuthorizerRecord { ttl_secs: Some(0), ..record("REQUEST") }).unwrap().identity.is_empty()
        );
    }

    #[test]
    fn what_could_not_be_asked_is_refused() {
        let token = |edit: fn(&mut AuthorizerRecord)| {
            let mut record = record("TOKEN");
            edit(&mut record);
            served(&record).is_err()
        };
        assert!(token(|it| it.name.clear()));
        assert!(token(|it| it.kind = "JWT".into()));
        assert!(token(|it| it.kind = "COGNITO_USER_POOLS".into()));
        assert!(token(|it| it.uri = "https://example.com".into()));
        assert!(token(|it| it.ttl_secs = Some(3_601)));
        assert!(token(|it| it.validation = Some("(".into())));
        assert!(token(|it| it.credentials = Some("role".into())));
        assert!(token(|it| it.identity_source = Some("method.request.querystring.q".into())));
        assert!(token(|it| it.identity_source = Some("method.request.header.".into())));
        assert!(served(&record("REQUEST")).is_err());
    }
}

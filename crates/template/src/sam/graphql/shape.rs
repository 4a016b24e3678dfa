//! What a GraphQL API may have, as the published transform's models say it.

use super::super::typed::{Field, MAP, Shape, may, must};

use Shape::{Any, Choice, Either, Flag, List, MapOf, Model, Text};

const KINDS: &[&str] = &["AWS_IAM", "API_KEY", "AWS_LAMBDA", "OPENID_CONNECT", "AMAZON_COGNITO_USER_POOLS"];

const LAMBDA: Shape = Model(&[
    may("AuthorizerResultTtlInSeconds", Any),
    must("AuthorizerUri", Any),
    may("IdentityValidationExpression", Any),
]);

const OPENID: Shape =
    Model(&[may("AuthTTL", Any), may("ClientId", Any), may("IatTTL", Any), may("Issuer", Any)]);

const POOL: Shape = Model(&[
    may("AppIdClientRegex", Any),
    may("AwsRegion", Any),
    may("DefaultAction", Any),
    must("UserPoolId", Any),
]);

const AUTHORIZER: Shape = Model(&[
    must("Type", Choice(KINDS)),
    may("LambdaAuthorizer", LAMBDA),
    may("OpenIDConnect", OPENID),
    may("UserPool", POOL),
]);

const AUTH: Shape = Model(&[
    must("Type", Choice(KINDS)),
    may("LambdaAuthorizer", LAMBDA),
    may("OpenIDConnect", OPENID),
    may("UserPool", POOL),
    may("Additional", List(&AUTHORIZER)),
]);

const LOGGING: Shape =
    Model(&[may("CloudWatchLogsRoleArn", Any), may("ExcludeVerboseContent", Any), may("FieldLogLevel", Any)]);

const TABLE: Shape = Model(&[
    must("TableName", Any),
    may("ServiceRoleArn", Any),
    may("TableArn", Any),
    may("Permissions", List(&Choice(&["Read", "Write"]))),
    may("Name", Any),
    may("Description", Any),
    may("Region", Any),
    may(
        "DeltaSync",
        Model(&[must("BaseTableTTL", Any), must("DeltaSyncTableName", Any), must("DeltaSyncTableTTL", Any)]),
    ),
    may("UseCallerCredentials", Any),
    may("Versioned", Any),
]);

const CALL: Shape =
    Model(&[must("FunctionArn", Any), may("ServiceRoleArn", Any), may("Name", Any), may("Description", Any)]);

const RUNTIME: Shape = Model(&[must("Name", Any), must("Version", Any)]);

const SYNC: Shape = Model(&[
    must("ConflictDetection", Any),
    may("ConflictHandler", Any),
    may("LambdaConflictHandlerConfig", Model(&[must("LambdaConflictHandlerArn", Any)])),
]);

const FUNCTION: Shape = Model(&[
    may("DataSource", Either(&[MAP, Text])),
    may("Runtime", RUNTIME),
    may("InlineCode", Any),
    may("CodeUri", Any),
    may("Description", Any),
    may("MaxBatchSize", Any),
    may("Name", Text),
    may("Id", Any),
    may("Sync", SYNC),
]);

const RESOLVER: Shape = Model(&[
    may("FieldName", Text),
    may("Caching", Model(&[must("Ttl", Any), may("CachingKeys", List(&Any))])),
    may("InlineCode", Any),
    may("CodeUri", Any),
    may("MaxBatchSize", Any),
    may("Pipeline", List(&Text)),
    may("Runtime", RUNTIME),
    may("Sync", SYNC),
]);

/// The properties.
pub(super) static PROPERTIES: [Field; 18] = [
    must("Auth", AUTH),
    may("Tags", MAP),
    may("Name", Any),
    may("XrayEnabled", Flag),
    may("SchemaInline", Any),
    may("SchemaUri", Any),
    may("Logging", Either(&[LOGGING, Flag])),
    may("DataSources", Model(&[may("DynamoDb", MapOf(&TABLE)), may("Lambda", MapOf(&CALL))])),
    may("Functions", MapOf(&FUNCTION)),
    may("Resolvers", MapOf(&MapOf(&RESOLVER))),
    may("ApiKeys", MapOf(&Model(&[may("ApiKeyId", Any), may("Description", Any), may("ExpiresOn", Any)]))),
    may(
        "DomainName",
        Model(&[must("CertificateArn", Any), must("DomainName", Any), may("Description", Any)]),
    ),
    may(
        "Cache",
        Model(&[
            must("ApiCachingBehavior", Any),
            must("Ttl", Any),
            must("Type", Any),
            may("AtRestEncryptionEnabled", Any),
            may("TransitEncryptionEnabled", Any),
        ]),
    ),
    may("Visibility", Any),
    may("OwnerContact", Any),
    may("IntrospectionConfig", Any),
    may("QueryDepthLimit", Any),
    may("ResolverCountLimit", Any),
];

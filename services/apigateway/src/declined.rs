//! Operations that are deliberately not offered, and why.
//!
//! It holds reasons only; what is offered stands in the operation table.

/// A reason, and the operations that it keeps from being offered.
pub(crate) const DECLINED: &[(&str, &[&str])] = &[
    ("API definitions are not exported yet", &["GetExport", "GetSdk", "GetSdkType", "GetSdkTypes"]),
    ("mapping templates are not made from models", &["GetModelTemplate"]),
    (
        "stages answer at their own addresses only: custom domains come later",
        &[
            "CreateDomainName",
            "GetDomainName",
            "GetDomainNames",
            "UpdateDomainName",
            "DeleteDomainName",
            "CreateBasePathMapping",
            "GetBasePathMapping",
            "GetBasePathMappings",
            "UpdateBasePathMapping",
            "DeleteBasePathMapping",
            "CreateDomainNameAccessAssociation",
            "GetDomainNameAccessAssociations",
            "DeleteDomainNameAccessAssociation",
            "RejectDomainNameAccessAssociation",
        ],
    ),
    (
        "there are no networks to link to: integrations are functions and mocks",
        &[
            "CreateVpcLink",
            "GetVpcLink",
            "GetVpcLinks",
            "UpdateVpcLink",
            "DeleteVpcLink",
            "GenerateClientCertificate",
            "GetClientCertificate",
            "GetClientCertificates",
            "UpdateClientCertificate",
            "DeleteClientCertificate",
        ],
    ),
    ("stages have no cache to flush", &["FlushStageCache"]),
    ("call the stage itself: authorizers are not tried alone", &["TestInvokeAuthorizer"]),
    (
        "documentation of APIs is not kept",
        &[
            "CreateDocumentationPart",
            "GetDocumentationPart",
            "GetDocumentationParts",
            "UpdateDocumentationPart",
            "DeleteDocumentationPart",
            "ImportDocumentationParts",
            "CreateDocumentationVersion",
            "GetDocumentationVersion",
            "GetDocumentationVersions",
            "UpdateDocumentationVersion",
            "DeleteDocumentationVersion",
        ],
    ),
];

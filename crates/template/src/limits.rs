//! Every limit on a template, in one place. AWS's quotas where AWS has one, our own caps on hostile text where not.

/// The largest template passed by value, in bytes.
pub const BODY_BYTES_MAX: usize = 51_200;
/// The largest template at all, in bytes: what `up` and a template from S3 may have.
pub const DOCUMENT_BYTES_MAX: usize = 1_048_576;
/// How deep maps and lists may nest, aliases expanded.
pub const DEPTH_MAX: usize = 96;
/// How many scalars, lists and maps a document may hold, aliases expanded.
pub const NODES_MAX: usize = 200_000;
/// Resources in one template.
pub const RESOURCES_MAX: usize = 500;
/// Resources that the serverless transform may make before it gives up: ten times what a template may have.
pub const TRANSFORMED_MAX: usize = 5_000;
/// Bytes that a serverless resource may have besides its properties: what it becomes gets copies of them.
pub const ATTRIBUTES_BYTES_MAX: usize = 51_200;
/// Parameters in one template.
pub const PARAMETERS_MAX: usize = 200;
/// Mappings in one template.
pub const MAPPINGS_MAX: usize = 200;
/// Keys of one mapping.
pub const MAPPING_KEYS_MAX: usize = 200;
/// Outputs in one template.
pub const OUTPUTS_MAX: usize = 200;
/// Bytes in a parameter's value.
pub const PARAMETER_BYTES_MAX: usize = 4_096;
/// Bytes in a template's description.
pub const DESCRIPTION_BYTES_MAX: usize = 1_024;
/// Characters in a logical id.
pub const LOGICAL_ID_CHARS_MAX: usize = 255;
/// Bytes that the functions of one resource may produce together: `Fn::Join` and `Fn::Sub` multiply.
pub const RESOLVED_BYTES_MAX: usize = 4_194_304;
/// Rules in one template.
pub const RULES_MAX: usize = 200;
/// Assertions in one rule.
pub const ASSERTIONS_MAX: usize = 100;
/// How deep `Fn::ForEach` may nest.
pub const LOOPS_DEPTH_MAX: usize = 5;
/// Files that one template may include.
pub const INCLUDES_MAX: usize = 100;

//! API Gateway data plane: routes, authorization, integrations; and function URLs.
//!
//! Reading order: [`records`] (what is served), [`Stages`] (what is live), [`Gateway`] (life of a request). It serves
//! from memory and never waits on the store; it calls functions only through the pipeline, as API Gateway, the caller
//! or a role. [`FunctionUrls`] are the other addresses that it serves, and
//! [`Callbacks`] those at which somebody awaits an answer. How an API is edited is `services/apigateway`'s, which writes these records through [`Stages`].

mod address;
mod audit;
mod authorize;
mod authorizer;
mod body;
mod callback;
mod event;
mod exchange;
mod function;
#[doc(hidden)]
pub mod fuzz;
mod gateway;
mod logs;
mod media;
mod mock;
mod own_answer;
mod plans;
mod proxy;
pub mod records;
mod refusal;
mod response_header;
mod route;
mod schema;
mod stages;
mod template;
mod throttle;
mod url;
mod validate;
mod variables;

pub use body::Body;
pub use callback::{
    Addresses, CALLBACK_BYTES_MAX, CALLBACKS, CallbackError, Callbacks, NOT_JSON, Shape, TOO_LONG,
};
pub use exchange::{Trial, TrialError, Tried};
pub use gateway::{BODY_BYTES_MAX, Gateway, INTEGRATION_MILLIS_MAX};
pub use logs::{Deliverer, Logs, group_of, trusts_gateway};
pub use mock::mock_status;
pub use plans::{Plans, by_day, date_of, day_of, period_of, set_left};
pub use schema::{MODEL_BYTES_MAX, SchemaError, Schemas};
pub use stages::{StageError, Stages, selection_pattern};
pub use template::{TEMPLATE_BYTES_MAX, Template, TemplateError};
pub use throttle::{BURST_DEFAULT, RATE_DEFAULT};
pub use url::{FUNCTION_URLS, FunctionUrl, FunctionUrls, UrlAuth, UrlCors, UrlError, UrlMode};

//! What a call that carries marks makes is written down with it, and nothing else is.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use protocol::{IntoValue, Operation};
use service::testkit::{Members, TestKit};
use service::{
    Access, AccessRequest, Marks, Permit, Service, ServiceBuilder, Source, receipts, service_error,
};

service_error! {
    /// What the sample service answers.
    pub enum Error {
        /// A transaction that comes to nothing.
        Undone = "InvalidAuthorizationMessageException",
    }
}

/// Stands for an operation that makes two things, and a third one in a transaction that fails before.
struct GetCallerIdentity;

impl Operation for GetCallerIdentity {
    const SERVICE: &'static str = "sts";
    const NAME: &'static str = "GetCallerIdentity";
    type Input = Members;
    type Output = Members;
}

fn open(_: &(), _: &AccessRequest<'_, Members>) -> Result<Access, Error> {
    Ok(Access::open("a test"))
}

async fn make(_: Arc<()>, permit: Permit<GetCallerIdentity>) -> Result<Members, Error> {
    let call = permit.call;
    let undone = call
        .transact(|_| {
            call.made("undone");
            Err::<(), _>(Error::Undone("no".to_owned()))
        })
        .await;
    assert!(undone.is_err());
    for id in ["first", "second"] {
        call.transact(|_| {
            call.made(id);
            Ok::<_, Error>(())
        })
        .await?;
    }
    Ok(Members(protocol::Structure::new().into_value()))
}

fn sample() -> Service {
    ServiceBuilder::new("sts", Arc::new(())).operation::<GetCallerIdentity, _, _, _, _>(open, make).build()
}

fn marks(of: &str) -> Arc<Marks> {
    Arc::from([("aws:cloudformation:logical-id".to_owned(), of.to_owned())])
}

#[tokio::test]
async fn what_a_marked_call_makes_is_known_until_it_is_settled() {
    let kit = TestKit::start(|_| vec![sample()]).await;
    let store = kit.pipeline.store().clone();
    let left = |of: &str| receipts::unsettled(&store, &marks(of)).unwrap();
    for of in [None, Some("A"), Some("AB")] {
        let source = Source { marks: of.map(marks), ..Source::platform("test") };
        let input = protocol::Structure::new().into_value();
        let who = kit.administrator();
        kit.pipeline.invoke(who, source, "sts", "GetCallerIdentity", input).await.unwrap();
        assert_eq!(left("A").is_empty(), of.is_none(), "without marks nothing is written");
    }
    assert_eq!(left("A"), ["first", "second"]);
    assert_eq!(left("AB"), ["first", "second"]);
    let settled: Result<(), store::StoreError> =
        store.transact(|transaction| receipts::settle(transaction, &marks("A"))).await;
    settled.unwrap();
    assert!(left("A").is_empty());
    assert_eq!(left("AB"), ["first", "second"], "another's stay");
}

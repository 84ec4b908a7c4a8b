//! Connections on which nothing comes back any more.

use super::*;
use crate::server::store::sql::fault::{Fault, fault};
use crate::tests::services::Way;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn on_a_way_that_is_silent_one_connection_is_asked_and_the_caller_is_told_in_time() {
    let Some(server) = postgres() else { return };
    let (database, way) = (server.database_by("").await, Way::new(server));
    let options = way.options(&database);
    let seats = Seats::postgres(4, move || options.clone(), &Arc::default());
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(seats.take().await.unwrap());
    }
    drop(taken);
    way.block();
    tokio::time::pause();
    // After this they are asked before they are used.
    tokio::time::advance(Duration::from_secs(31)).await;
    let began = Instant::now();
    let failed = seats.take().await.err().expect("nothing answers");
    assert_eq!(fault(&failed), Some(Fault::Away), "{failed}");
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
    tokio::time::resume();
    way.forget();
    while way.swallowed() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(way.swallowed() <= 2, "one of those that were there, and perhaps the new one");
    query("select 1").execute(&seats).await.expect("the way is open again, and those that are lost are not asked");
    seats.close().await;
}

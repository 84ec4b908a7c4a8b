//! Following without a stream: polling the snapshot while all of this browser's streams are in use.

use super::Follower;
use crate::api;
use crate::browser;
use crate::error::Problem;
use crate::ui::live::Live;
use crate::ui::live::fold::Fold;
use crate::ui::live::fold::Following;
use crate::ui::live::pace::{End, SILENCE_MS};
use crate::ui::route::is_public;
use futures::future::{self, Either};
use leptos::prelude::*;
use std::pin::pin;

impl Follower {
    pub(super) async fn poll(&mut self) -> End {
        let fetch = fetch(self.live, self.round.place);
        match future::select(pin!(fetch), pin!(browser::sleep(super::whole(SILENCE_MS)))).await {
            Either::Left((Ok(()), _)) => {
                self.tell_live();
                End::Polled
            }
            Either::Left((Err(Problem::Offline), _)) | Either::Right(_) => End::Lost,
            Either::Left((Err(problem), _)) => End::Refused(problem),
        }
    }
}

/// One after the other: a tab without a stream is to use one connection.
async fn fetch(live: Live, place: Following) -> Result<(), Problem> {
    if let Some(conversation) = place.conversation {
        let page = api::open(conversation).await?;
        if live.fold.with_value(Fold::place).conversation == Some(conversation) {
            live.show(Some(page));
        }
    }
    // A reader with the public link has no list.
    if !is_public() {
        live.listed(api::conversations(None).await?);
    }
    Ok(())
}

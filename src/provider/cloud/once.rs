//! A request that makes something is sent until it is known to be taken or refused,
//! and makes one object, whatever becomes of its answers.

use crate::provider::{Committed, ProviderError, ProviderErrorKind};

/// How often a request is sent of which nobody knows whether it arrived.
const MOST_SENDINGS: usize = 4;

/// Sends a request for an object with a name of its own until it is known to be taken
/// or refused. `find` looks for what the operation has made. A name that somebody else
/// has is refused as taken ([`ProviderErrorKind::AlreadyExists`], nothing committed).
pub async fn once<T, S, F>(send: impl Fn() -> S, find: impl Fn() -> F) -> Result<T, ProviderError>
where
    S: Future<Output = Result<T, ProviderError>>,
    F: Future<Output = Result<Option<T>, ProviderError>>,
{
    let mut sendings = 0;
    loop {
        sendings += 1;
        let error = match send().await {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        let is_open = error.committed == Committed::Unknown;
        if !is_open && error.kind != ProviderErrorKind::AlreadyExists {
            return Err(error);
        }
        match find().await {
            Ok(Some(made)) => return Ok(made),
            Ok(None) if is_open && sendings < MOST_SENDINGS => {}
            Ok(None) if !is_open => return Err(error),
            // Who cannot ask is no wiser: then what the request said stands.
            _ => return Err(error.committed(Committed::Unknown)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn lost() -> ProviderError {
        ProviderError::new(ProviderErrorKind::Unavailable, "cut").committed(Committed::Unknown)
    }

    #[tokio::test]
    async fn what_a_lost_answer_made_is_found_and_not_made_again() {
        let sent = Cell::new(0);
        let send = async || {
            sent.set(sent.get() + 1);
            Err::<u8, _>(lost())
        };
        let made = once(send, async || Ok(Some(7))).await;
        assert_eq!((made, sent.get()), (Ok(7), 1));
    }

    #[tokio::test]
    async fn a_request_that_never_arrives_is_sent_four_times() {
        let sent = Cell::new(0);
        let send = async || {
            sent.set(sent.get() + 1);
            Err::<u8, _>(lost())
        };
        let made = once(send, async || Ok(None)).await;
        assert_eq!(made.map_err(|error| error.committed), Err(Committed::Unknown));
        assert_eq!(sent.get(), 4);
    }

    #[tokio::test]
    async fn a_name_that_somebody_else_has_is_taken() {
        let taken = || ProviderError::new(ProviderErrorKind::AlreadyExists, "taken");
        let made = once(async || Err::<u8, _>(taken()), async || Ok(None)).await;
        assert_eq!(made, Err(taken()));
    }
}

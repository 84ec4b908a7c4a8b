//! A server's answer, and why there is none, whichever way the request took.

use super::direct;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use std::error::Error;
use std::fmt;
use std::io;

/// An answer whose body is being read.
pub(super) enum Answered {
    Client(Box<Response>),
    Direct(Box<direct::Answer>),
}

/// Why there is no answer, or no more of it.
pub(super) enum Lost {
    Client(reqwest::Error),
    Connect(Box<dyn Error + Send + Sync>),
    Http(hyper::Error),
}

impl Answered {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Client(response) => response.status(),
            Self::Direct(answer) => answer.status,
        }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Client(response) => response.headers(),
            Self::Direct(answer) => &answer.headers,
        }
    }

    /// Frees the headers. They lie in the buffer into which they were read, which is freed with the last of them.
    pub(super) fn forget_headers(&mut self) {
        let headers = match self {
            Self::Client(response) => response.headers_mut(),
            Self::Direct(answer) => &mut answer.headers,
        };
        *headers = HeaderMap::new();
    }

    /// Nothing that follows matters.
    pub(super) fn finish(self) {
        if let Self::Direct(answer) = self {
            answer.finish();
        }
    }

    /// The next bytes; none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Lost> {
        match self {
            Self::Client(response) => response.chunk().await.map_err(Lost::Client),
            Self::Direct(answer) => answer.chunk().await.map_err(Lost::Http),
        }
    }
}

impl Lost {
    /// Whether there was no connection.
    pub(super) fn is_connect(&self) -> bool {
        match self {
            Self::Client(error) => error.is_connect(),
            Self::Connect(_) => true,
            Self::Http(_) => false,
        }
    }

    /// Whether the connection was closed in order, only sooner than HTTP allows.
    pub(super) fn is_end(&self) -> bool {
        self.causes().any(|error| {
            let cut = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
            let eof =
                error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof);
            cut || eof
        })
    }

    /// Whether the server's certificate was checked and refused.
    pub(super) fn is_untrusted(&self) -> bool {
        self.causes().any(|error| matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))))
    }

    /// Without the address, which is the operator's.
    pub(super) fn without_url(self) -> Self {
        match self {
            Self::Client(error) => Self::Client(error.without_url()),
            other => other,
        }
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        std::iter::successors(Some(self.cause()), |&error| {
            // An IO error leaves out the error that it wraps when it is asked for its source.
            match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            }
        })
    }

    fn cause(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Client(error) => error,
            Self::Connect(error) => &**error,
            Self::Http(error) => error,
        }
    }
}

impl From<direct::Unsent> for Lost {
    fn from(unsent: direct::Unsent) -> Self {
        match unsent {
            direct::Unsent::Connect(error) => Self::Connect(error),
            direct::Unsent::Http(error) => Self::Http(error),
        }
    }
}

/// With its causes, on one line.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self.cause()))
    }
}

/// An error and its causes on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

//! A zip archive that is sent while it is written. A thread of its own compresses; channels of a few pieces connect it
//! to both ends, so a slow reader slows the writing down (back-pressure) and nothing piles up.

use bytes::Bytes;
use std::io::{self, BufWriter, Write};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Pieces in the channel to the compressor, and in the channel from it.
const WAITING: usize = 4;
/// The size of a piece of the archive.
const PIECE_BYTES: usize = 64 << 10;

/// A file's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Text that may be more than 4 GiB, which has to be declared before it is written.
    Huge,
    /// Compressed already.
    Picture,
}

enum Piece {
    File(String, Kind),
    Bytes(Bytes),
    /// The end marker. Without it the archive is truncated, and must not look complete.
    End,
}

/// An archive to write to.
pub(super) struct Archive {
    pieces: Sender<Piece>,
}

impl Archive {
    /// The archive, and its bytes.
    pub(super) fn begin() -> (Self, Receiver<io::Result<Bytes>>) {
        let (pieces, written) = channel(WAITING);
        let (out, bytes) = channel(WAITING);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = compress(written, Out(out.clone())) {
                // The reader may have disconnected.
                out.blocking_send(Err(error)).ok();
            }
        });
        (Self { pieces }, bytes)
    }

    /// Begins a file. What is written from here on is in it.
    pub(super) async fn file(&self, name: impl Into<String>, kind: Kind) -> io::Result<()> {
        self.send(Piece::File(name.into(), kind)).await
    }

    pub(super) async fn write(&self, bytes: impl Into<Bytes>) -> io::Result<()> {
        self.send(Piece::Bytes(bytes.into())).await
    }

    /// Finishes the archive.
    pub(super) async fn end(self) -> io::Result<()> {
        self.send(Piece::End).await
    }

    async fn send(&self, piece: Piece) -> io::Result<()> {
        self.pieces.send(piece).await.map_err(|_| gone())
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads the archive any more")
}

fn compress(mut pieces: Receiver<Piece>, out: Out) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(BufWriter::with_capacity(PIECE_BYTES, out));
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::File(name, kind) => zip.start_file(name, options(kind))?,
            Piece::Bytes(bytes) => zip.write_all(&bytes)?,
            Piece::End => return finish(zip),
        }
    }
    Err(io::Error::other("the archive breaks off"))
}

fn finish(zip: ZipWriter<StreamWriter<BufWriter<Out>>>) -> io::Result<()> {
    zip.finish()?.into_inner().flush()
}

fn options(kind: Kind) -> SimpleFileOptions {
    let method = match kind {
        Kind::Text | Kind::Huge => CompressionMethod::Deflated,
        Kind::Picture => CompressionMethod::Stored,
    };
    let options = SimpleFileOptions::default().compression_method(method).large_file(kind == Kind::Huge);
    // Readable by its owner only, where it is unpacked.
    options.unix_permissions(0o600).last_modified_time(now())
}

/// To two seconds, without a time zone: the limits of zip.
fn now() -> DateTime {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let part = |part: i8| part.unsigned_abs();
    let (day, time) =
        ((part(now.month()), part(now.day())), (part(now.hour()), part(now.minute()), part(now.second())));
    DateTime::from_date_and_time(now.year().unsigned_abs(), day.0, day.1, time.0, time.1, time.2).unwrap_or_default()
}

/// The channel to the reader.
struct Out(Sender<io::Result<Bytes>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(|_| gone())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};
    use std::process::Command;

    async fn written() -> Vec<u8> {
        let (archive, mut bytes) = Archive::begin();
        let writing = tokio::spawn(async move {
            for (name, kind) in [("a.txt", Kind::Text), ("b/c.txt", Kind::Huge), ("d.png", Kind::Picture)] {
                archive.file(name, kind).await?;
                archive.write(format!("{name} and ")).await?;
                archive.write("more").await?;
            }
            archive.end().await
        });
        let mut whole = Vec::new();
        while let Some(piece) = bytes.recv().await {
            whole.extend_from_slice(&piece.unwrap());
        }
        writing.await.unwrap().unwrap();
        whole
    }

    #[tokio::test]
    async fn an_archive_is_read_whole_also_with_a_file_that_may_be_huge() {
        let whole = written().await;
        let mut archive = zip::ZipArchive::new(Cursor::new(&whole)).unwrap();
        for name in ["a.txt", "b/c.txt", "d.png"] {
            let mut text = String::new();
            archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("{name} and more"));
        }
        let file = std::env::temp_dir().join(format!("rivulet-test-{}.zip", uuid::Uuid::new_v4()));
        std::fs::write(&file, &whole).unwrap();
        let tried = Command::new("unzip").arg("-tqq").arg(&file).output();
        std::fs::remove_file(&file).unwrap();
        match tried {
            Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
            Err(error) => eprintln!("unzip is not here to try the archive: {error}"),
        }
    }

    #[tokio::test]
    async fn an_archive_that_is_not_ended_breaks_off() {
        let (archive, mut bytes) = Archive::begin();
        archive.file("a.txt", Kind::Text).await.unwrap();
        drop(archive);
        let mut last = None;
        while let Some(piece) = bytes.recv().await {
            last = Some(piece);
        }
        assert!(last.unwrap().is_err());
    }
}

//! Uploads: what is accepted, what is refused and how, and what is stored of it.

use super::files::{self, BLUE, RED};
use crate::server::bounds::Bounds;
use crate::server::picture::{MAX_BYTES, MAX_SIDE, Picture};
use crate::tests::app::{App, problem, text};
use image::{DynamicImage, GenericImageView, ImageFormat, Rgb};
use reqwest::{Body, Method, StatusCode};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How the server asks for a body that its client holds back.
const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Uploads it and returns what is shown.
async fn kept(app: &App, bytes: Vec<u8>) -> (String, Vec<u8>, DynamicImage) {
    let id = app.image(bytes).await;
    let answer = app.show(&id).await;
    let media_type = text(&answer.headers()["content-type"].to_str().unwrap().into());
    let bytes = answer.bytes().await.unwrap().to_vec();
    let image = image::load_from_memory(&bytes).unwrap();
    (media_type, bytes, image)
}

fn is_near(found: &DynamicImage, (x, y): (u32, u32), colour: Rgb<u8>) {
    let pixel = found.get_pixel(x, y);
    let near = pixel.0.iter().zip(colour.0).all(|(found, wanted)| found.abs_diff(wanted) < 24);
    assert!(near, "{pixel:?} at {x},{y} is not {colour:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_known_by_its_content() {
    let app = App::start().await;
    for (format, media_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/png"),
        (ImageFormat::Gif, "image/png"),
    ] {
        let bytes = files::written(&files::drawing(60, 30), format);
        let upload = app.request(Method::POST, "/api/v1/images?name=page.html").header("content-type", "text/html");
        let answer = upload.body(bytes).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{format:?}");
        let image: Value = answer.json().await.unwrap();
        assert_eq!((&image["width"], &image["height"], &image["name"]), (&60.into(), &30.into(), &"page.html".into()));
        let shown = app.show(image["id"].as_str().unwrap()).await;
        assert_eq!(shown.headers()["content-type"], media_type, "{format:?}");
        let shown = image::load_from_memory(&shown.bytes().await.unwrap()).unwrap();
        is_near(&shown, (10, 15), RED);
        is_near(&shown, (50, 15), BLUE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_refused_and_nothing_of_it_is_kept() {
    let app = App::start().await;
    let png = files::png(300, 200);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let cases: [(&str, Vec<u8>, u16); 11] = [
        ("nothing", Vec::new(), 422),
        ("an SVG that is called PNG", svg, 415),
        ("a page", b"<!doctype html><script>alert(1)</script>".to_vec(), 415),
        ("a BMP", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0".to_vec(), 415),
        ("a program", b"\x7fELF\x02\x01\x01".to_vec(), 415),
        ("half a PNG", png[..png.len() / 2].to_vec(), 422),
        ("the first bytes of a PNG", png[..8].to_vec(), 422),
        ("a bomb", files::claiming(60_000, 60_000), 422),
        ("a larger one", files::claiming(u32::MAX / 2, u32::MAX / 2), 422),
        ("no pixels", files::claiming(0, 0), 422),
        ("half a JPEG's head", files::turned_jpeg()[..60].to_vec(), 422),
    ];
    for (what, bytes, status) in cases {
        let told = problem(app.upload(bytes).await, status).await;
        assert!(told["detail"].as_str().unwrap().ends_with('.'), "{what}: {told}");
    }
    assert_eq!(app.count("image").await + app.count("picture").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_turned_as_its_camera_said_and_does_not_say_where_it_was_taken() {
    let app = App::start().await;
    let (_, bytes, shown) = kept(&app, files::turned_jpeg()).await;
    assert_eq!(shown.dimensions(), (20, 40));
    is_near(&shown, (10, 5), RED);
    is_near(&shown, (10, 35), BLUE);
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!has(b"Exif") && !has(b"52.5200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_file_is_kept_but_its_picture() {
    let app = App::start().await;
    let (_, bytes, shown) = kept(&app, files::polyglot()).await;
    assert_eq!(shown.dimensions(), (20, 10));
    assert!(!bytes.windows(6).any(|window| window == b"script"));
    let (media_type, _, first) = kept(&app, files::animation()).await;
    assert_eq!(media_type, "image/png");
    is_near(&first, (10, 5), RED);
    let (media_type, _, inks) = kept(&app, files::cmyk_jpeg()).await;
    assert_eq!((media_type.as_str(), inks.dimensions()), ("image/jpeg", (8, 8)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_picture_is_scaled_down_and_one_that_stays_large_becomes_a_jpeg() {
    let app = App::start().await;
    let (media_type, _, shown) = kept(&app, files::png(3_600, 1_800)).await;
    assert_eq!((media_type.as_str(), shown.dimensions()), ("image/png", (MAX_SIDE, MAX_SIDE / 2)));
    is_near(&shown, (100, 400), RED);
    is_near(&shown, (1_500, 400), BLUE);
    let (_, _, line) = kept(&app, files::png(6_000, 1)).await;
    assert_eq!(line.dimensions(), (MAX_SIDE, 1));
    for alpha in [false, true] {
        let (media_type, bytes, shown) =
            kept(&app, files::written(&files::noise(1_200, alpha), ImageFormat::Png)).await;
        assert_eq!(media_type, "image/jpeg");
        assert!(bytes.len() <= MAX_BYTES, "{} bytes", bytes.len());
        assert!(300 <= shown.width());
    }
    let clear = files::written(&files::noise(200, true), ImageFormat::Png);
    let (media_type, _, shown) = kept(&app, clear).await;
    assert!(media_type == "image/png" && shown.color().has_alpha(), "transparency stays where there is room");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_served_so_that_it_can_only_be_looked_at() {
    let app = App::start().await;
    let id = app.image(files::numbered(1)).await;
    let shown = app.show(&id).await;
    let header = |name: &str| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-disposition"), format!("attachment; filename=\"image-{id}.png\""));
    assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'; frame-ancestors 'none'");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(header("cache-control"), "private, no-cache");
    let again = app.request(Method::GET, &format!("/api/v1/images/{id}")).header("if-none-match", header("etag"));
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.bytes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_too_many_or_too_strange_to_name_is_told() {
    let app = App::start().await;
    let large = vec![0_u8; 12 * (1 << 20) + 1];
    let told = problem(app.upload(large.clone()).await, 413).await;
    assert!(told["detail"].as_str().unwrap().contains("12 MiB"), "{told}");
    let pieces = futures::stream::iter(
        large.chunks(1 << 16).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    );
    let unnamed = app.request(Method::POST, "/api/v1/images").body(Body::wrap_stream(pieces)).send().await.unwrap();
    problem(unnamed, 413).await;
    problem(app.stranger(Method::POST, "/api/v1/images").body(files::numbered(1)).send().await.unwrap(), 401).await;
    let foreign = app.request(Method::POST, "/api/v1/images").header("sec-fetch-site", "cross-site");
    problem(foreign.body(files::numbered(1)).send().await.unwrap(), 403).await;

    let mut waiting = Vec::new();
    for number in 0..32 {
        waiting.push(app.image(files::numbered(number)).await);
    }
    let told = app.upload(files::numbered(99)).await;
    assert!(told.headers().contains_key("retry-after"));
    problem(told, 429).await;
    app.request(Method::DELETE, &format!("/api/v1/images/{}", waiting[0])).send().await.unwrap();
    app.image(files::numbered(99)).await;
}

#[test]
fn a_damaged_file_is_refused_or_read_and_nothing_else() {
    let drawn = |format| files::written(&files::drawing(24, 16), format);
    let whole = [
        drawn(ImageFormat::Png),
        drawn(ImageFormat::Jpeg),
        drawn(ImageFormat::WebP),
        files::animation(),
        files::turned_jpeg(),
        files::cmyk_jpeg(),
    ];
    let mut state = 7_usize;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    for file in whole {
        assert!(Picture::read(&file).is_ok());
        for _ in 0..300 {
            let mut damaged = file.clone();
            for _ in 0..=below(3) {
                let place = below(damaged.len());
                damaged[place] = below(256) as u8;
            }
            damaged.truncate(damaged.len() - below(2) * below(file.len()));
            match Picture::read(&damaged) {
                Ok(picture) => assert!(picture.bytes.len() <= MAX_BYTES),
                Err(problem) => assert!(matches!(problem.status(), 415 | 422), "{problem}"),
            }
        }
    }
}

/// Sends the head of an upload, which ends with `more`.
async fn send_head(app: &App, length: usize, more: &str) -> TcpStream {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/images HTTP/1.1\r\nhost: {address}\r\ncookie: {}\r\ncontent-length: {length}\r\n{more}\r\n",
        app.cookie
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// Sends the head of an upload, and waits until the server asks for the body: then it has a slot. Returns the body.
async fn hold_upload(app: &App) -> (TcpStream, Vec<u8>) {
    let bytes = files::png(300, 200);
    let mut socket = send_head(app, bytes.len(), "connection: close\r\nexpect: 100-continue\r\n").await;
    let mut go_on = [0; GO_ON.len()];
    socket.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, GO_ON);
    (socket, bytes)
}

/// Sends half of an upload, then hangs up or waits. Returns the answer, empty if there is none.
async fn half_an_upload(app: &App, hang_up: bool) -> String {
    let bytes = files::png(300, 200);
    let mut socket = send_head(app, bytes.len(), "").await;
    socket.write_all(&bytes[..bytes.len() / 2]).await.unwrap();
    if hang_up {
        socket.shutdown().await.unwrap();
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_every_place_for_uploads() {
    // However slow this machine is, they stay held for as long as the test looks at them.
    let app = App::bounded(Bounds { upload_stretch: Duration::from_secs(120), ..Bounds::default() }).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(hold_upload(&app).await);
    }
    let told = problem(app.upload(files::numbered(1)).await, 429).await;
    assert!(text(&told["detail"]).starts_with("4 uploads of yours"), "{told}");
    let (mut socket, bytes) = held.pop().unwrap();
    socket.write_all(&bytes).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    app.image(files::numbered(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn z37_an_upload_that_stands_still_is_told_so_and_its_place_is_free_again() {
    let bounds = Bounds { upload_stretch: Duration::from_millis(200), ..Bounds::default() };
    let app = App::bounded(bounds).await;
    assert_eq!(Bounds::default().upload_stretch, Duration::from_secs(15));
    for _ in 0..5 {
        // Long before the limit of all of it, whose answer is the same.
        let answer = tokio::time::timeout(Bounds::default().upload_read / 4, half_an_upload(&app, false));
        let answer = answer.await.expect("told after the stretch");
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("came too slowly"), "{answer}");
    }
    app.image(files::numbered(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_or_drips_leaves_nothing_and_its_place_is_free_again() {
    let bounds = Bounds { upload_read: Duration::from_millis(200), ..Bounds::default() };
    let app = App::bounded(bounds).await;
    assert_eq!(Bounds::default().upload_read, Duration::from_secs(120));
    for _ in 0..30 {
        half_an_upload(&app, true).await;
    }
    let answer = half_an_upload(&app, false).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("came too slowly"), "{answer}");
    assert_eq!(app.count("image").await + app.count("picture").await, 0);
    app.image(files::numbered(1)).await;
}

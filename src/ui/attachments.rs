//! Images for the next message: uploaded one after the other, shown small until they are sent.
//!
//! Loaded on demand (`ui/lazy`); `ui/unsent_images` is their list.

use super::icon::{self, Icon};
use super::unsent_images::{Attachment, UnsentImages};
use crate::browser::{self, file};
use crate::error::Problem;
use crate::json;
use crate::model::{Image, ImageId};
use crate::ui::labels;
use crate::ui::page::PageState;
use crate::ui::route::Route;
use js_sys::Array;
use leptos::prelude::*;
use leptos::task::spawn_local;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::File;

/// The path of the images: uploads are sent to it, and each image is below it.
pub(super) const IMAGES: &str = "/api/v1/images";

/// Uploads files for the message that is being written on this route, and calls `send` when a message that was to be
/// sent has its images.
pub fn attach(unsent: UnsentImages, place: Route, files: Array, send: Box<dyn Fn()>) {
    unsent.notice.set(String::new());
    let mut taken = Vec::new();
    for file in files.iter().filter_map(|file| file.dyn_into::<File>().ok()) {
        let name = file.name();
        match refusal(unsent, place, &file) {
            Some(why) => refuse(unsent, &name, &why),
            None => {
                let (key, address) = (Uuid::now_v7(), file::address_of(&file));
                unsent.list.update(|images| images.push(Attachment { key, place, name, address, image: None }));
                taken.push((key, file));
            }
        }
    }
    spawn_local(async move {
        for (key, file) in taken {
            if is_here(unsent, key) {
                let uploaded = upload(&file).await;
                arrived(unsent, key, &file.name(), uploaded, &send);
            }
        }
    });
}

/// Checks the server's limits before the upload.
fn refusal(unsent: UnsentImages, place: Route, file: &File) -> Option<String> {
    let (most, most_mib) = (Image::MAX_PER_MESSAGE, Image::MAX_UPLOAD_BYTES >> 20);
    if most <= unsent.list.with_untracked(|images| images.iter().filter(|it| it.place == place).count()) {
        return Some(format!("A message has at most {most} images."));
    }
    ((Image::MAX_UPLOAD_BYTES as f64) < file.size()).then(|| format!("An image has at most {most_mib} MiB."))
}

fn refuse(unsent: UnsentImages, name: &str, why: &str) {
    unsent.notice.update(|notice| *notice = format!("{notice} “{name}” was not added. {why}").trim_start().into());
}

async fn upload(file: &File) -> Result<Image, Problem> {
    let name = js_sys::encode_uri_component(&file.name());
    let answer = file::fetch("POST", &format!("{IMAGES}?name={name}"), Some(file)).await;
    let (status, text) = answer.ok_or(Problem::Offline)?;
    match status {
        201 => json::read(text.as_bytes()).map_err(|_| Problem::Offline),
        // A body that is not a problem document comes from a proxy.
        _ => Err(json::read(text.as_bytes()).unwrap_or(Problem::Offline)),
    }
}

/// Notes the upload's result, unless the image was removed meanwhile.
fn arrived(unsent: UnsentImages, key: Uuid, name: &str, uploaded: Result<Image, Problem>, send: &dyn Fn()) {
    match uploaded {
        Ok(image) if !is_here(unsent, key) => take_back(image.id),
        Ok(image) => {
            unsent.whisper.set(format!("{name} is added."));
            unsent.list.update(|images| {
                if let Some(it) = images.iter_mut().find(|it| it.key == key) {
                    it.image = Some(image);
                }
            });
            if unsent.asked.get_untracked() {
                send();
            }
        }
        Err(problem) => {
            unsent.asked.set(false);
            refuse(unsent, name, &problem.to_string());
            let_go(unsent, |it| it.key == key);
        }
    }
}

fn take_back(id: ImageId) {
    // The result is ignored: the server deletes images that are in no message after a day.
    spawn_local(async move { drop(file::fetch("DELETE", &format!("{IMAGES}/{id}"), None).await) });
}

fn is_here(unsent: UnsentImages, key: Uuid) -> bool {
    unsent.list.with_untracked(|images| images.iter().any(|it| it.key == key))
}

/// Removes and returns the attachments that match, in their order.
fn let_go(unsent: UnsentImages, which: impl Fn(&Attachment) -> bool) -> Vec<Image> {
    let mut gone = Vec::new();
    unsent.list.update(|images| {
        images.retain(|it| {
            if which(it) {
                file::revoke(&it.address);
                gone.extend(it.image.clone());
            }
            !which(it)
        });
    });
    gone
}

/// Hands over the message's images. None while something is still being uploaded.
pub fn take(unsent: UnsentImages, place: Route) -> Option<Vec<Image>> {
    let waits = |it: &Attachment| it.place == place && it.image.is_none();
    if unsent.list.with_untracked(|images| images.iter().any(waits)) {
        unsent.whisper.set("The message is sent as soon as its images are uploaded.".into());
        return None;
    }
    Some(let_go(unsent, |it| it.place == place))
}

/// Images that were added while a conversation was being created move to its route.
pub fn moved(unsent: UnsentImages, from: Route, to: Route) {
    if from != to {
        unsent.list.update(|images| images.iter_mut().filter(|it| it.place == from).for_each(|it| it.place = to));
    }
}

/// Puts back images that could not be sent, before those that were added since.
pub fn put_back(unsent: UnsentImages, place: Route, images: Vec<Image>) {
    let attachment = |image: Image| {
        let (key, name, address) = (Uuid::now_v7(), image.name.clone(), format!("{IMAGES}/{}", image.id));
        Attachment { key, place, name, address, image: Some(image) }
    };
    unsent.list.update(|all| {
        let since = std::mem::take(all);
        all.extend(images.into_iter().map(attachment));
        all.extend(since);
    });
}

/// The images of the next message: thumbnails above its text.
#[component]
pub fn Tray() -> impl IntoView {
    let page = PageState::here();
    let unsent: UnsentImages = expect_context();
    let empty = move || unsent.list.with(|all| !all.iter().any(|it| it.place == page.place.get()));
    let blind = move || {
        let name = |models: &Vec<crate::model::Model>| {
            page.picked.with(|picked| Some(models.iter().find(|it| it.id == *picked && !it.images)?.name.clone()))
        };
        if empty() { None } else { page.models.with(name) }
    };
    let here = move || {
        let place = page.place.get();
        let here = unsent.list.get().into_iter().filter(|it| it.place == place);
        here.map(|it| view! { <Small attachment=it/> }.into_any()).collect::<Vec<_>>()
    };
    view! {
        <ul class="tray" aria-label="Images to send" hidden=empty>{here}</ul>
        <p class="tray__note" aria-live="polite">{move || blind().map(|model| labels::blind(&model))}</p>
    }
}

#[component]
fn Small(attachment: Attachment) -> impl IntoView {
    let unsent: UnsentImages = expect_context();
    let Attachment { key, name, address, image, .. } = attachment;
    let remove = move |_| {
        let_go(unsent, |it| it.key == key).into_iter().for_each(|image| take_back(image.id));
        browser::focus_id("text");
    };
    view! {
        <li class="tray__image" aria-busy=image.is_none().to_string()>
            <img src=address alt=name.clone()/>
            <button type="button" class="tray__remove" aria-label=format!("Remove {name}") on:click=remove>
                <Icon path=icon::CLOSE/>
            </button>
        </li>
    }
}

//! The parts of a form: a field with its name, a hint and its problem.

use crate::error::Problem;
use crate::server::html::Notice;
use leptos::prelude::*;

/// The field that shows the problem, if one of these does.
pub(super) fn first_fault(said: &Notice, fields: &[&str]) -> Option<String> {
    match &said.problem {
        Some(Problem::Invalid { field, .. }) => {
            let place = format!("{}/{field}", said.form);
            fields.contains(&place.as_str()).then_some(place)
        }
        _ => None,
    }
}

/// The problem, where no field shows it. It gets the focus, so that it is read out and seen.
#[component]
pub(super) fn Alert(text: String) -> impl IntoView {
    view! { <p class="alert" role="alert" tabindex="-1" autofocus>{text}</p> }
}

/// A labelled field. One with a problem shows it beside itself and has the focus when the page opens.
#[component]
pub(super) fn Field(
    form: &'static str,
    name: &'static str,
    label: &'static str,
    said: Notice,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional)] value: String,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(default = true)] required: bool,
    /// Has the focus where there is no problem.
    #[prop(optional)]
    first: bool,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let (hint_id, fault_id) = (format!("{id}-hint"), format!("{id}-fault"));
    let fault = said.fault(form, name);
    let described = match (&fault, hint.is_empty()) {
        (Some(_), _) => Some(fault_id.clone()),
        (None, false) => Some(hint_id.clone()),
        (None, true) => None,
    };
    let focus = fault.is_some() || first && said.problem.is_none();
    let hint = (!hint.is_empty() && fault.is_none()).then(|| view! { <p class="hint" id=hint_id>{hint}</p> });
    let invalid = fault.is_some().then_some("true");
    view! {
        <div class="input">
            <label for=id.clone()>{label}</label>
            <input class="field" id=id name=name type=kind dir="auto" value=value autocomplete=autocomplete required=required
                autocapitalize="none" spellcheck="false" autofocus=focus aria-describedby=described aria-invalid=invalid/>
            {hint}
            {fault.map(|text| view! { <p class="fault" id=fault_id>{text}</p> })}
        </div>
    }
}

/// A labelled field of several lines.
#[component]
pub(super) fn Area(
    form: &'static str,
    name: &'static str,
    label: &'static str,
    said: Notice,
    value: String,
    #[prop(default = "2")] rows: &'static str,
    #[prop(optional)] hint: &'static str,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let (hint_id, fault_id) = (format!("{id}-hint"), format!("{id}-fault"));
    let fault = said.fault(form, name);
    let described = match (&fault, hint.is_empty()) {
        (Some(_), _) => Some(fault_id.clone()),
        (None, false) => Some(hint_id.clone()),
        (None, true) => None,
    };
    let (focus, invalid) = (fault.is_some(), fault.is_some().then_some("true"));
    let hint = (!hint.is_empty() && fault.is_none()).then(|| view! { <p class="hint" id=hint_id>{hint}</p> });
    view! {
        <div class="input">
            <label for=id.clone()>{label}</label>
            <textarea class="field" id=id name=name rows=rows dir="auto" autofocus=focus aria-describedby=described
                aria-invalid=invalid>{value}</textarea>
            {hint}
            {fault.map(|text| view! { <p class="fault" id=fault_id>{text}</p> })}
        </div>
    }
}

/// A hidden field.
#[component]
pub(super) fn Hidden(name: &'static str, value: String) -> impl IntoView {
    view! { <input type="hidden" name=name value=value/> }
}

/// A checkbox.
#[component]
pub(super) fn Sure(form: &'static str, name: &'static str, label: &'static str, said: Notice) -> impl IntoView {
    let id = format!("{form}-{name}");
    let fault = said.fault(form, name);
    let (fault_id, focus) = (format!("{id}-fault"), fault.is_some());
    let described = fault.is_some().then(|| fault_id.clone());
    view! {
        <div class="input">
            <label class="sure">
                <input id=id type="checkbox" name=name value="yes" required autofocus=focus aria-describedby=described/>
                <span>{label}</span>
            </label>
            {fault.map(|text| view! { <p class="fault" id=fault_id>{text}</p> })}
        </div>
    }
}

/// A choice of a few options.
#[component]
pub(super) fn Choice(
    form: &'static str,
    name: &'static str,
    label: &'static str,
    /// The value sent, and the label shown.
    options: Vec<(&'static str, &'static str)>,
    chosen: &'static str,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let options = options
        .into_iter()
        .map(|(value, shown)| view! { <option value=value selected=value == chosen>{shown}</option> })
        .collect_view();
    view! {
        <div class="input">
            <label for=id.clone()>{label}</label>
            <select class="field" id=id name=name>{options}</select>
        </div>
    }
}

/// A labelled field of several lines.
#[component]
pub(super) fn LongField(
    form: &'static str,
    name: &'static str,
    label: &'static str,
    value: String,
    /// Characters, at most.
    most: usize,
    hint: &'static str,
    said: Notice,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let (hint_id, fault_id) = (format!("{id}-hint"), format!("{id}-fault"));
    let fault = said.fault(form, name);
    let (focus, invalid) = (fault.is_some(), fault.is_some().then_some("true"));
    let described = if fault.is_some() { fault_id.clone() } else { hint_id.clone() };
    view! {
        <div class="input">
            <label for=id.clone()>{label}</label>
            <textarea class="field" id=id name=name rows="5" dir="auto" maxlength=most autofocus=focus aria-describedby=described
                aria-invalid=invalid>{value}</textarea>
            <p class="hint" id=hint_id>{hint}</p>
            {fault.map(|text| view! { <p class="fault" id=fault_id>{text}</p> })}
        </div>
    }
}

//! What the model is told of a conversation in which people have answered too.

use crate::contract::site::Site;
use crate::model::{Parameters, Role};
use crate::server::store::conversations::Stored;
use crate::server::store::messages::Told;

/// Said to the model before the first question after people have answered. No name: it would come back in the answer.
fn line(answers: usize, instruction: &str) -> String {
    let written = if answers == 1 { "answer".to_owned() } else { format!("{answers} answers") };
    let rest = if instruction.trim().is_empty() { String::new() } else { format!("\n[{}]", instruction.trim()) };
    format!(
        "[From here on you answer again. A person of this team wrote the {written} above; keep what was promised there.]{rest}\n\n"
    )
}

/// The messages as the model is told them: an agent's are answers. Where a stretch of them has ended, a line says so before
/// the next question. `instruction` is for the last of these.
pub(super) fn spoken(mut told: Vec<Told>, instruction: &str) -> Vec<Told> {
    // No provider takes a conversation that begins with an answer.
    let first = told.iter().position(|message| message.role == Role::User).unwrap_or(told.len());
    told.drain(..first);
    let mut returns = Vec::new();
    let mut answers = 0;
    let mut question = None;
    for (index, message) in told.iter().enumerate() {
        match message.role {
            Role::Agent => {
                answers += 1;
                question = None;
            }
            Role::User => question = question.or(Some(index).filter(|_| 0 < answers)),
            Role::Assistant => {
                returns.extend(question.take().map(|index| (index, answers)));
                answers = 0;
            }
        }
    }
    returns.extend(question.map(|index| (index, answers)));
    let last = returns.last().copied();
    for (index, answers) in returns {
        let is_last = last == Some((index, answers));
        told[index].text.insert_str(0, &line(answers, if is_last { instruction } else { "" }));
    }
    for message in &mut told {
        if message.role == Role::Agent {
            message.role = Role::Assistant;
        }
    }
    told
}

/// The conversation with the settings of its site, as they are now.
pub(super) fn of_site(stored: &Stored, site: &Site) -> Stored {
    let longest = site.limits.max_output_tokens;
    let most = site.parameters.max_output_tokens.map_or(longest, |tokens| tokens.min(longest));
    let parameters = Parameters { max_output_tokens: Some(most), ..site.parameters.clone() };
    Stored { system: site.system.clone(), model: site.model.clone(), parameters, ..stored.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    fn told(said: &[(Role, &str)]) -> Vec<Told> {
        let one = |(role, text): &(Role, &str)| Told {
            id: MessageId::new(),
            role: *role,
            text: (*text).into(),
            images: Vec::new(),
        };
        said.iter().map(one).collect()
    }

    fn texts(told: Vec<Told>) -> Vec<(Role, String)> {
        told.into_iter().map(|message| (message.role, message.text)).collect()
    }

    #[test]
    fn handed_back_the_model_is_told_once_that_people_have_answered() {
        let said = [
            (Role::Assistant, "cut off"),
            (Role::User, "Hello"),
            (Role::Assistant, "Hi"),
            (Role::User, "My money!"),
            (Role::Agent, "You get it back."),
            (Role::User, "When?"),
            (Role::Agent, "Tomorrow."),
            (Role::User, "And the fee?"),
            (Role::User, "Well?"),
        ];
        let spoken = texts(spoken(told(&said), "Be brief."));
        assert_eq!(spoken[0], (Role::User, "Hello".into()));
        assert!(spoken.iter().all(|(role, _)| *role != Role::Agent));
        assert_eq!(spoken[3], (Role::Assistant, "You get it back.".into()));
        let marked: Vec<_> = spoken.iter().filter(|(_, text)| text.contains("you answer again")).collect();
        assert_eq!(marked.len(), 1);
        let text = &marked[0].1;
        assert!(text.contains("the 2 answers above") && text.contains("[Be brief.]") && text.ends_with("And the fee?"));
    }

    #[test]
    fn each_stretch_has_its_line_and_only_the_last_the_instruction() {
        let said = [
            (Role::User, "a"),
            (Role::Agent, "b"),
            (Role::User, "c"),
            (Role::Assistant, "d"),
            (Role::User, "e"),
            (Role::Agent, "f"),
            (Role::User, "g"),
        ];
        let spoken = texts(spoken(told(&said), "Only now"));
        assert!(spoken[2].1.contains("the answer above") && !spoken[2].1.contains("Only now"));
        assert!(spoken[6].1.contains("Only now") && spoken[4].1 == "e");
    }
}

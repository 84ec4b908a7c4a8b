//! Accounts: signing up, signing in and out, and the rules for an account.

mod deletion;
mod guests;
mod identity;
mod reset;
mod sign_in;
mod sign_up;
mod tokens;

pub use deletion::{delete, delete_own, resume as resume_deletions};
pub use guests::GuestSweep;
pub use identity::{confirm_link, link, sign_in_with, unlink};
pub use reset::{invite_to_reset, rename, reset};
pub use sign_in::{
    Arrival, SignedIn, change_password, end_other_sessions, end_session, guest_of, keep_guest, leave, sign_in,
};
pub use sign_up::{NewPerson, first_admin, policy, set_policy, sign_up};
pub use tokens::{end_token, make_token};

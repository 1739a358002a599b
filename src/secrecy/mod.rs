//! Values that must not be shown, and the forms in which they turn up in text.
//!
//! A secret that is learned is masked from then on in whatever passes through [`Secrets::text`] and [`Secrets::value`]:
//! events, journals, messages, panics. This room must not know where secrets come from, nor who shows the text.

mod assignments;
mod forms;
mod known;
mod likely;
mod names;
mod secrets;
mod urls;

pub use assignments::mask_assignments;
pub use likely::looks_secret;
pub use names::is_secret_name;
pub use secrets::Secrets;
pub use urls::url_secrets;

/// What a secret is replaced by.
pub const MASK: &str = "********";

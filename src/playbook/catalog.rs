//! What the syntax tree is checked against: the names and parameters of modules.

/// Names of modules and their parameters.
pub trait Catalog: Send + Sync {
    /// The module behind `name`: short, or with `ansible.builtin.` and the like before it.
    fn find(&self, name: &str) -> Option<&'static Spec>;
    /// All short names, for did-you-mean.
    fn names(&self) -> Vec<&'static str>;
}

/// What a module takes.
#[derive(Debug)]
pub struct Spec {
    /// Its short name, such as `copy`.
    pub name: &'static str,
    /// One line: what it does.
    pub summary: &'static str,
    /// The parameters, alphabetically.
    pub parameters: &'static [Parameter],
    /// Whether a bare string may stand in place of the parameters.
    pub free_form: FreeForm,
}

/// Whether a module takes a bare string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeForm {
    /// `key=value` words only.
    No,
    /// A command line with `key=value` options among its words, under this parameter (`command`, `shell`).
    Command(&'static str),
    /// The string as it is, under this parameter.
    Whole(&'static str),
    /// Any `key: value`, each name the user's own (`set_fact`).
    AnyKeys,
}

/// One parameter of a module.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// The allowed values, when they are few; empty when not.
    pub choices: &'static [&'static str],
    /// One line: what it is for, with unit and default.
    pub summary: &'static str,
}

/// What a parameter takes; Ansible's own coercions apply (`yes` for a boolean, `a,b` for a list).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A boolean.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A list.
    List,
    /// A mapping.
    Map,
    /// A path on the host or the controller; `~` is expanded there.
    Path,
    /// Anything.
    Raw,
}

impl Kind {
    /// What it takes, for a message: `a string`.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Bool => "a boolean",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::List => "a list",
            Self::Map => "a mapping",
            Self::Path => "a path",
            Self::Raw => "a value",
        }
    }
}

impl Spec {
    /// The parameter called `name`, or known under that alias.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters
            .iter()
            .find(|each| each.name == name || each.aliases.contains(&name))
    }
}

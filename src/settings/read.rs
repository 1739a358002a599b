//! All sources together.

use super::ansible_cfg::AnsibleCfg;
use super::places::Surroundings;
use super::resolved::{Found, Layer, Origin, Settings};
use super::setting::Setting;
use super::table::TABLE;
use super::{environment, foreign, not_taken, toml_file};
use crate::source::{Diagnostic, Diagnostics};

impl Settings {
    /// Reads what there is. All mistakes that count are reported at once.
    pub fn read(around: &Surroundings) -> Result<Self, Diagnostics> {
        let (mut problems, mut warnings) = (Diagnostics::new(), Diagnostics::new());
        let mut files = Vec::new();
        let mut layers = vec![environment::own(around, &mut problems, &mut warnings)];
        let project = around.project_file(&mut warnings);
        for path in project.into_iter().chain(around.user_file()) {
            layers.push(toml_file::read(&path, around, &mut problems));
            files.push(path);
        }
        layers.push(environment::ansible(around));
        let path = around.ansible_cfg(&mut warnings);
        let ansible_cfg = path
            .as_deref()
            .and_then(|path| AnsibleCfg::read(path, &around.folder, &mut problems));
        if let Some(file) = &ansible_cfg {
            layers.push(layer_of(file, around));
            files.extend(path);
        }
        not_taken::name(ansible_cfg.as_ref(), around, &mut problems, &mut warnings);
        let mut settings = Self::pick(&layers, &mut problems);
        settings.files = files;
        settings.warnings = warnings;
        problems.or(settings)
    }
}

/// What `ansible.cfg` says that means the same.
fn layer_of(file: &AnsibleCfg, around: &Surroundings) -> Layer {
    let mut layer = Layer::new();
    for setting in TABLE {
        for foreign in setting.ansible {
            let Some((text, span)) = file.get(foreign.section, foreign.key) else {
                continue;
            };
            // An empty value says nothing, as with Ansible.
            if text.is_empty() {
                continue;
            }
            let Some(value) = foreign::value(setting, foreign, &text, Some(&file.folder), around)
            else {
                continue;
            };
            let value = value.map_err(|wrong| {
                let message = format!("`{}`: {}", foreign.key, wrong.message);
                let mut problem = Diagnostic::error("ansible-cfg", message).at(span, "");
                problem.hints.extend(wrong.hint);
                problem.hint(instead(setting))
            });
            let found = Found {
                value,
                origin: Origin::Place(span.clone()),
            };
            layer.entry(setting.name).or_insert(found);
        }
    }
    layer
}

fn instead(setting: &Setting) -> String {
    format!(
        "`{}` in `[{}]` of windlass.toml is stronger than ansible.cfg",
        setting.key(),
        setting.table()
    )
}

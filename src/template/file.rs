//! Template files, with the `#jinja2:` line that some begin with.

use super::FileOptions;
use super::error::TemplateError;
use super::lazy::Context;
use super::place::Place;
use super::render;
use std::sync::Arc;

const HEADER: &str = "#jinja2:";

/// Renders a template file.
pub(super) fn render(
    name: &str,
    text: &str,
    options: &FileOptions,
    context: &Arc<Context>,
) -> Result<String, TemplateError> {
    let mut options = options.clone();
    let place = Place::synthetic(name, text);
    let mut body = text;
    if let Some(rest) = text.strip_prefix(HEADER) {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        header(line, &mut options).map_err(|message| TemplateError {
            span: Some(place.span(0..HEADER.len() + line.len())),
            ..TemplateError::new(message)
        })?;
        body = after;
    }
    let place = place.inside(text.len() - body.len());
    render::template(body, &options, context, &place)
}

fn header(line: &str, options: &mut FileOptions) -> Result<(), String> {
    for pair in line.split(',') {
        let (key, value) = pair
            .split_once(':')
            .ok_or_else(|| format!("`{}` is not `option:value`", pair.trim()))?;
        let value = match value.trim() {
            "True" | "true" => true,
            "False" | "false" => false,
            other => return Err(format!("`{other}` is neither True nor False")),
        };
        match key.trim() {
            "trim_blocks" => options.trim_blocks = value,
            "lstrip_blocks" => options.lstrip_blocks = value,
            other => return Err(format!("the template option `{other}` is not known")),
        }
    }
    Ok(())
}

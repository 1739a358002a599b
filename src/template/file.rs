//! Template files, with the `#jinja2:` line that some begin with.

use super::FileOptions;
use super::error::TemplateError;
use super::lazy::Context;
use super::place::Place;
use super::render;
use std::borrow::Cow;
use std::sync::Arc;

const HEADER: &str = "#jinja2:";

/// Renders a template file.
pub(super) fn render(
    name: &str,
    text: &str,
    options: &FileOptions,
    context: &Arc<Context>,
) -> Result<String, TemplateError> {
    let text = newlines(text);
    let place = Place::synthetic(name, &text);
    let (options, start) = options_of(&text, options, &place)?;
    let place = place.inside(start);
    render::template(&text[start..], &options, context, &place, false)
}

/// The text with Unix line ends, as Jinja reads it.
pub(super) fn newlines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The options of the file's first line over the given ones, and where the template itself starts.
pub(super) fn options_of(
    text: &str,
    options: &FileOptions,
    place: &Place,
) -> Result<(FileOptions, usize), TemplateError> {
    let mut options = options.clone();
    let Some(rest) = text.strip_prefix(HEADER) else {
        return Ok((options, 0));
    };
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    header(line, &mut options).map_err(|message| TemplateError {
        span: Some(place.span(0..HEADER.len() + line.len())),
        ..TemplateError::new(message)
    })?;
    Ok((options, text.len() - after.len()))
}

fn header(line: &str, options: &mut FileOptions) -> Result<(), String> {
    for pair in line.split(',') {
        let (key, value) = pair
            .split_once(':')
            .ok_or_else(|| format!("`{}` is not `option:value`", pair.trim()))?;
        let value = match value.trim().trim_matches(['"', '\'']) {
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

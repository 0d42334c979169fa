//! Model servers, and what is asked of them.

use super::super::file::{
    AskFile, AskLong, BodyFile, ModelFile, ModelLong, NodeFile, RequestFile, TokensFile,
};
use super::super::path::Path;
use super::super::problem::Collector;
use super::text::{check_range, key_problem, request_path_problem};
use crate::NodeKind;
use crate::llm::{Ask, Model, Price, TOKENS_MAX};

/// The highest price of a million tokens.
const PRICE_MAX: f64 = 1e9;

/// Looks through a model server.
pub(super) fn check(file: &NodeFile, at: &Path, problems: &mut Collector<'_>) {
    let Some(ModelFile(model)) = &file.llm else { return };
    let at = at.at("llm");
    if file.kind != NodeKind::Server {
        let help = "make it `kind: server`; a gateway passes on what a model server answers";
        problems.key(&at).help(help).say("only a server can be a model server");
        return;
    }
    check_tokens(&model.completion_tokens, &at.at("completion_tokens"), problems);
    for (key, rate) in [("prefill", model.prefill), ("decode", model.decode)] {
        if rate.get() <= 0.0 {
            problems.value(&at.at(key)).say("with 0/s no request is ever answered");
        }
    }
    check_range(&model.context, &(1..=TOKENS_MAX), || at.at("context"), problems);
    for (key, limit) in
        [("requests_per_minute", model.requests_per_minute), ("tokens_per_minute", model.tokens_per_minute)]
    {
        if limit.0 == Some(0) {
            let help = "`none` is no limit";
            problems.value(&at.at(key)).help(help).say("with 0 every request is refused");
        }
    }
    for (key, price) in [("input", model.price.input), ("output", model.price.output)] {
        check_range(&price, &(0.0..=PRICE_MAX), || at.at("price").at(key), problems);
    }
}

fn check_tokens(TokensFile(tokens): &TokensFile, at: &Path, problems: &mut Collector<'_>) {
    if let Some(problem) = tokens.problem() {
        problems.value(at).say(problem);
    }
}

/// A model server.
pub(super) fn model(ModelFile(file): &ModelFile) -> Model {
    let ModelLong { api, models, completion_tokens, prefill, decode, slowdown, context, .. } = file;
    Model {
        api: *api,
        models: models.clone(),
        completion_tokens: completion_tokens.0.clone(),
        prefill_per_s: prefill.get(),
        decode_per_s: decode.get(),
        slowdown: slowdown.get(),
        context: *context,
        requests_per_minute: file.requests_per_minute.0,
        tokens_per_minute: file.tokens_per_minute.0,
        price: Price { input: file.price.input, output: file.price.output },
    }
}

/// What is asked of a model. The request's method and path follow from it, and are written into the
/// file.
pub(super) fn ask(file: &mut RequestFile, at: &Path, problems: &mut Collector<'_>) -> Option<Ask> {
    let AskFile(long) = file.llm.as_ref()?;
    let AskLong { api, model, prompt_tokens, max_tokens, stream, key } = long.clone();
    let asked = Ask {
        api,
        model: model.into(),
        prompt_tokens: prompt_tokens.0.clone(),
        max_tokens: max_tokens.0,
        stream,
        key: key.0.map(Into::into),
    };
    let (path, plain) = (asked.path(), RequestFile::default());
    let own = [
        ("method", file.method != plain.method && file.method != "POST"),
        ("path", file.path != plain.path && file.path != path),
        ("body", file.body != plain.body && file.body != BodyFile::default()),
    ];
    for (key, _) in own.into_iter().filter(|(_, given)| *given) {
        let help = format!("take `{key}` out, or `llm`");
        problems.key(&at.at(key)).help(help).say(format!("`llm` says what the request's {key} is"));
    }
    "POST".clone_into(&mut file.method);
    let at = at.at("llm");
    check_tokens(&prompt_tokens, &at.at("prompt_tokens"), problems);
    if let Some(max) = asked.max_tokens {
        check_range(&max, &(1..=TOKENS_MAX), || at.at("max_tokens"), problems);
    }
    if asked.model.is_empty() || request_path_problem(&path).is_some() || asked.model.contains('"') {
        let help = "letters, digits, `-`, `.`, `:` and `/` will do";
        problems
            .value(&at.at("model"))
            .help(help)
            .say(format!("`{}` is no model's name", asked.model.escape_debug()));
    } else {
        file.path = path;
    }
    if let Some(key) = &asked.key
        && let Some(problem) = key_problem(key)
    {
        problems.value(&at.at("key")).say(problem);
    }
    Some(asked)
}

//! What goes wrong, and the scenario in which it does, for each SDK at a place of its own.

use std::fmt::Write;

use topology::llm::Api;

/// An SDK in one of the languages.
#[derive(Debug)]
pub(super) struct Sdk {
    /// As the language's driver knows it: its package, and which of its APIs if it has several.
    pub(super) name: &'static str,
    /// What it speaks.
    pub(super) api: Api,
}

const fn sdk(name: &'static str, api: Api) -> Sdk {
    Sdk { name, api }
}

pub(super) static PYTHON: &[Sdk] = &[
    sdk("openai", Api::OpenAi),
    sdk("openai responses", Api::OpenAi),
    sdk("anthropic", Api::Anthropic),
    sdk("google-genai", Api::Gemini),
    sdk("mistralai", Api::Mistral),
    sdk("langchain-openai", Api::OpenAi),
    sdk("litellm", Api::OpenAi),
];

pub(super) static NODE: &[Sdk] = &[
    sdk("openai", Api::OpenAi),
    sdk("openai responses", Api::OpenAi),
    sdk("@anthropic-ai/sdk", Api::Anthropic),
    sdk("@google/genai", Api::Gemini),
    sdk("@mistralai/mistralai", Api::Mistral),
];

/// Which answers a fault can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    Any,
    Whole,
    Stream,
}

impl Breaks {
    pub(super) fn includes(self, stream: bool) -> bool {
        self == Self::Any || (self == Self::Stream) == stream
    }
}

/// Something that goes wrong.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) what: &'static str,
    /// As in a scenario.
    pub(super) at: &'static str,
    pub(super) is: &'static str,
    pub(super) breaks: Breaks,
    /// The cause and the mechanism of the verdict. What looks the same from outside has one name.
    pub(super) verdict: (&'static str, &'static str),
}

const MODEL: &str = "model";
const LINK: &str = "gateway -> model";

/// (They are told apart by their addresses, which a `const` has several of.)
pub(super) static FAULTS: &[Fault] = &[
    Fault {
        what: "a rate limit (429)",
        at: MODEL,
        is: "overload: { rate_limit: { rate: 0/s } }",
        breaks: Breaks::Any,
        verdict: ("overload", "rate_limit"),
    },
    Fault {
        what: "an overloaded model",
        at: MODEL,
        is: "overload: overloaded",
        breaks: Breaks::Any,
        verdict: ("overload", "queue_full"),
    },
    Fault {
        what: "a prompt too long",
        at: MODEL,
        is: "config: { context_too_long: { limit: 1 } }",
        breaks: Breaks::Any,
        verdict: ("config", "context_too_long"),
    },
    Fault {
        what: "a wrong key",
        at: LINK,
        is: "config: bad_credentials",
        breaks: Breaks::Any,
        verdict: ("config", "bad_credentials"),
    },
    Fault {
        what: "a reset before the answer (502)",
        at: LINK,
        is: "network: reset_peer",
        breaks: Breaks::Any,
        verdict: ("network", "reset_peer"),
    },
    Fault {
        what: "no answer",
        at: MODEL,
        is: "crash: hang",
        breaks: Breaks::Whole,
        verdict: ("crash", "hang"),
    },
    Fault {
        what: "cut off in its middle",
        at: MODEL,
        is: "crash: truncate",
        breaks: Breaks::Any,
        verdict: ("crash", "truncate"),
    },
    Fault {
        what: "cut JSON that looks whole",
        at: MODEL,
        is: "crash: truncated_json",
        breaks: Breaks::Whole,
        verdict: ("crash", "truncated_json"),
    },
    Fault {
        what: "an error event in its middle",
        at: MODEL,
        is: "crash: stream_error",
        breaks: Breaks::Stream,
        verdict: ("crash", "stream_error"),
    },
    Fault {
        what: "an end without the end mark",
        at: MODEL,
        is: "crash: stream_unterminated",
        breaks: Breaks::Stream,
        verdict: ("crash", "stream_unterminated"),
    },
    Fault {
        what: "silence in its middle",
        at: MODEL,
        is: "crash: stream_stall",
        breaks: Breaks::Stream,
        verdict: ("crash", "stream_stall"),
    },
];

/// One call that an SDK makes.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) sdk: &'static Sdk,
    pub(super) stream: bool,
    /// `None`: nothing is wrong.
    pub(super) fault: Option<&'static Fault>,
    /// Where it calls: a client in the scenario.
    pub(super) client: String,
}

impl Cell {
    /// The chain behind it, which those share that speak the same and meet the same.
    fn chain(&self) -> String {
        let place = self.fault.map_or(FAULTS.len(), |fault| {
            FAULTS.iter().position(|other| std::ptr::eq(other, fault)).unwrap_or_default()
        });
        format!("{}-{place}", self.sdk.api.name())
    }

    /// A place of its chain.
    fn place(&self, at: &str) -> String {
        let chain = self.chain();
        at.replace("gateway", &format!("gateway-{chain}")).replace("model", &format!("model-{chain}"))
    }

    /// Where, why and by what it should be said to fail: nothing if nothing is wrong.
    pub(super) fn verdict(&self) -> [String; 3] {
        self.fault.map_or_else(Default::default, |fault| {
            let (cause, mechanism) = fault.verdict;
            [self.place(fault.at), cause.to_owned(), mechanism.to_owned()]
        })
    }
}

/// Each SDK with each fault, and with none.
pub(super) fn cells(language: &str, sdks: &'static [Sdk]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for sdk in sdks {
        for fault in std::iter::once(None).chain(FAULTS.iter().map(Some)) {
            for stream in [false, true] {
                if fault.is_none_or(|fault| fault.breaks.includes(stream)) {
                    let client = format!("{language}-{}", cells.len());
                    cells.push(Cell { sdk, stream, fault, client });
                }
            }
        }
    }
    cells
}

/// A client for each call, and their chains.
pub(super) fn scenario(cells: &[&Cell]) -> String {
    let (mut nodes, mut edges, mut loads, mut faults) = Default::default();
    let mut chains = std::collections::BTreeMap::new();
    for cell in cells {
        let (client, gateway) = (&cell.client, cell.place("gateway"));
        line(&mut nodes, &format!("  {client}: {{ kind: client }}"));
        line(&mut edges, &format!("  - {client} -> {gateway}: {{ timeout: 60s }}"));
        line(&mut loads, &format!("  - {{ from: {client}, rate: 1/s }}"));
        chains.insert(cell.chain(), *cell);
    }
    for cell in chains.values() {
        let (gateway, model) = (cell.place("gateway"), cell.place("model"));
        let llm = format!("api: {}, completion_tokens: 8, requests_per_minute: 60000", cell.sdk.api.name());
        line(&mut nodes, &format!("  {gateway}: {{ kind: gateway }}"));
        line(&mut nodes, &format!("  {model}: {{ kind: server, llm: {{ {llm} }} }}"));
        line(&mut edges, &format!("  - {gateway} -> {model}: {{ timeout: 50s }}"));
        if let Some(fault) = cell.fault {
            line(&mut faults, &format!("  - {{ at: {}, {} }}", cell.place(fault.at), fault.is));
        }
    }
    format!("name: sdks\nnodes:\n{nodes}edges:\n{edges}load:\n{loads}faults:\n{faults}")
}

fn line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{line}");
}

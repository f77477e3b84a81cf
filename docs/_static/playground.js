// Runs `corsfast check` and `corsfast explain` on a policy, in Pyodide.
const root = document.getElementById("try-it");
root.innerHTML = `
  <label>Policy (TOML)
    <textarea name="policy" rows="8" spellcheck="false">
allow_origins = [
    "https://app.example.com",
    { regex = 'https://.*example\\.com' },
]
allow_methods = ["PUT"]
allow_credentials = true
</textarea></label>
  <button name="check">Check the policy</button>
  <fieldset>
    <label>Origin <input name="origin" value="https://app.example.com:8443" /></label>
    <label>Method <input name="method" value="PUT" /></label>
    <label>Request headers <input name="headers" value="x-token" /></label>
  </fieldset>
  <button name="explain">Explain the request</button>
  <pre role="status">Press one of the buttons.</pre>`;

const field = (name) => root.querySelector(`[name=${name}]`);
const output = root.querySelector("pre");
const buttons = root.querySelectorAll("button");

const RUN = `
import contextlib, io
from corsfast.__main__ import main

def run(policy, *arguments):
    with open("policy.toml", "w") as file:
        file.write(policy)
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            main(list(arguments))
        except SystemExit:
            pass  # argparse has printed the reason
    return text.getvalue()
run
`;

let starting;
async function start() {
  const { loadPyodide } = await import(root.dataset.runtime + "pyodide.mjs");
  const python = await loadPyodide({ indexURL: root.dataset.runtime });
  for (const name of ["publicsuffixlist", "corsfast"]) {
    const answer = await fetch(new URL(`${name}.whl`, import.meta.url));
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
    python.unpackArchive(await answer.arrayBuffer(), "whl");
  }
  return python.runPython(RUN);
}

async function show(...words) {
  buttons.forEach((button) => (button.disabled = true));
  try {
    if (!starting) output.textContent = "Loading Python...";
    const run = await (starting ??= start());
    output.textContent = run(field("policy").value, ...words);
  } catch (error) {
    starting = undefined;
    output.textContent = String(error);
  }
  buttons.forEach((button) => (button.disabled = false));
}

field("check").onclick = () => show("check", "policy.toml");
field("explain").onclick = () => {
  const words = ["--origin", field("origin").value, "--method", field("method").value];
  const headers = field("headers").value.trim();
  show("explain", "policy.toml", ...words, ...(headers ? ["--request-headers", headers] : []));
};

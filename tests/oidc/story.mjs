// The real programs against a real OpenID provider: signing in, staying signed in, rotation, forgery, signing out.
//
//   node story.mjs FOLDER      FOLDER holds `sekishod` and `sekisho`
//
// Run by `scripts/oidc.sh`. Every step says what must hold; the first that does not ends it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { approve, ELSEWHERE, ENCLAVE, Issuer, SECRET } from "./provider.mjs";

const bin = resolve(process.argv[2] ?? "target/debug");
const room = mkdtempSync(join(tmpdir(), "sekisho-oidc-"));
const state = join(room, "state");
const environment = { ...process.env, XDG_STATE_HOME: join(room, "home"), NO_COLOR: "1" };
for (const name of ["SEKISHO_PROFILE", "SEKISHO_CLIENT_SECRET", "no_proxy", "NO_PROXY"]) delete environment[name];
// What is not encrypted must go through no proxy: this one leads nowhere.
for (const name of ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]) environment[name] = "http://127.0.0.1:1";
const running = [];

/** Starts a program; `seen` waits until it has written something on a stream. */
function start(program, args, more = {}) {
  const child = spawn(join(bin, program), args, { env: { ...environment, ...more }, stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  const told = { stdout: "", stderr: "" };
  const waiting = new Set();
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (text) => {
      told[stream] += text;
      for (const look of waiting) look();
    });
  }
  const done = new Promise((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code) => ended({ code, ...told }));
  });
  const seen = (stream, pattern) =>
    new Promise((found, lost) => {
      const look = () => {
        const match = told[stream].match(pattern);
        if (match) {
          waiting.delete(look);
          found(match);
        }
      };
      waiting.add(look);
      look();
      done.then(({ code }) => lost(new Error(`${program} ended with ${code}: ${told.stderr}`)), lost);
    });
  done.catch(() => {});
  return { child, done, seen };
}

const run = (program, args, more) => start(program, args, more).done;

let steps = 0;
function step(what) {
  steps += 1;
  console.log(`${String(steps).padStart(2)} ${what}`);
}

/** A profile of the server as it runs now. */
function profile(name, lines) {
  const path = join(room, `${name}.toml`);
  const rest = `address = "${address}"\nca = "${join(state, "tls/ca.pem")}"\n`;
  writeFileSync(path, rest + lines);
  return path;
}

const login = (client, more) => `[login]\nissuer = "${issuer.url}"\nclient_id = "${client}"\n${more}`;
const resource = (name) => `resource = "${name}"\nscope = "analyse"\n`;
const withToken = (token) => profile("token", `token = "${token}"\n`);
const projects = (path, more) => run("sekisho", ["--profile", path, "projects", "--format", "json"], more);

async function allowed(path, expected = ["nafld", "nafld-review", "ward"], more = {}) {
  const ran = await projects(path, more);
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(JSON.parse(ran.stdout).map(({ project }) => project).sort(), expected);
}

async function refused(path, words, code = 3) {
  const ran = await projects(path);
  assert.equal(ran.code, code, `${words}: ${ran.stdout}${ran.stderr}`);
  assert.match(ran.stderr, words);
  assert.equal(ran.stdout, "");
}

/** Signs a person in as a person would. */
async function signIn(path, person) {
  const signing = start("sekisho", ["--profile", path, "login"]);
  const [, page] = await signing.seen("stderr", /or open (\S+)\n/);
  await approve(page, person);
  const ran = await signing.done;
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(ran.stdout, "");
  assert.match(ran.stderr, /signed in at/);
}

/** The files of the logins that are kept. */
function kept() {
  const folder = join(environment.XDG_STATE_HOME, "sekisho/logins");
  return readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => join(folder, name));
}

let issuer;
let address;

async function story() {
  issuer = await Issuer.start();

  step("a demonstration's state, with the provider as the one issuer, known by its address alone");
  const made = await run("sekishod", ["demo", "--state", state, "--once", "--no-examples"]);
  assert.equal(made.code, 0, made.stderr);
  const file = join(state, "sekishod.toml");
  const before = readFileSync(file, "utf8");
  const tokens = `[tokens]\nissuer = "${issuer.url}"\naudience = "${ENCLAVE}"\norganisation_claim = "organisation"\nroles_claim = "groups"\n`;
  writeFileSync(file, `${before.replace(/\[tokens\]\n(?:[^[\n].*\n|\n)*/, "")}\n${tokens}`);
  const project = join(state, "projects/ward.toml");
  writeFileSync(project, `${readFileSync(project, "utf8")}\n[[people]]\nsubject = "pipeline"\norganisation = "org-a"\n`);
  const server = start("sekishod", ["serve", "--config", file]);
  [, address] = await server.seen("stdout", /serving on (https:\/\/\S+)/);

  const person = profile("person", login("sekisho-cli", `${resource(ENCLAVE).replace("analyse", "openid analyse offline_access")}`));
  step("who is not signed in is told how to");
  await refused(person, /not signed in[^]*sekisho login/);

  step("a person signs in with a code (device flow) and is the person whom the projects name");
  await signIn(person, "analyst");
  await allowed(person);
  const asked = ["sql", "--project", "nafld", "--format", "csv", "SELECT male, COUNT(*) AS n FROM patients GROUP BY male"];
  const answered = await run("sekisho", ["--profile", person, ...asked]);
  assert.equal(answered.code, 0, answered.stderr);
  assert.equal(answered.stdout.split("\n")[0], "male,n");

  step("the login is a file of the user's own");
  assert.equal(kept().length, 1);
  assert.equal(statSync(kept()[0]).mode & 0o777, 0o600);
  assert.equal(statSync(join(kept()[0], "..")).mode & 0o777, 0o700);

  step("a token that ends soon is renewed, also by several commands at once, each renewal used once");
  issuer.lifetime = 20;
  await signIn(person, "analyst");
  await Promise.all([allowed(person), allowed(person), allowed(person)]);
  assert.ok(issuer.renewals >= 3, `${issuer.renewals} renewals`);

  step("keys are rotated: new tokens work at once, those of the old key no more, and who is signed in notices nothing");
  const program = profile("program", login("pipeline", resource(ENCLAVE)));
  const asClient = ["--profile", program, "login", "--client-credentials"];
  issuer.lifetime = 300;
  assert.equal((await run("sekisho", asClient, { SEKISHO_CLIENT_SECRET: SECRET })).code, 0);
  const old = issuer.rotate();
  await allowed(person);
  await refused(withToken(issuer.forge({ key: old })), /key is unknown/);
  await allowed(program, ["ward"], { SEKISHO_CLIENT_SECRET: SECRET });

  step("another person is another person");
  const other = profile("other", readFileSync(person, "utf8").replace(/^(address|ca) .*\n/gm, ""));
  await signIn(other, "somebody");
  await allowed(other, []);
  await allowed(person);

  step("a program signs in with its secret from a file, or from the environment");
  assert.equal((await run("sekisho", ["--profile", program, "logout"], { SEKISHO_CLIENT_SECRET: SECRET })).code, 0);
  const secret = join(room, "secret");
  writeFileSync(secret, `${SECRET}\n`, { mode: 0o600 });
  const without = await run("sekisho", asClient);
  assert.equal(without.code, 2, without.stderr);
  const wrong = await run("sekisho", asClient, { SEKISHO_CLIENT_SECRET: "wrong" });
  assert.equal(wrong.code, 3, wrong.stderr);
  assert.equal((await run("sekisho", asClient, { SEKISHO_CLIENT_SECRET: SECRET })).code, 0);
  await allowed(program, ["ward"]);
  issuer.lifetime = 20;
  assert.equal((await run("sekisho", [...asClient, "--client-secret-file", secret])).code, 0);
  await allowed(program, ["ward"]);
  assert.ok(kept().every((path) => !readFileSync(path, "utf8").includes(SECRET)), "the secret is not kept");
  issuer.lifetime = 300;

  step("a token of the provider's for somebody else, or one that is no JWT, is refused");
  const elsewhere = profile("elsewhere", login("pipeline", resource(ELSEWHERE)));
  const opaque = profile("opaque", login("pipeline", ""));
  for (const [path, words] of [[elsewhere, /another audience/], [opaque, /malformed/]]) {
    const ran = await run("sekisho", ["--profile", path, "login", "--client-credentials"], { SEKISHO_CLIENT_SECRET: SECRET });
    assert.equal(ran.code, 0, ran.stderr);
    await refused(path, words);
  }

  step("a forged token is refused, whatever is wrong with it");
  const now = Math.floor(Date.now() / 1000);
  await allowed(withToken(issuer.forge({})));
  for (const [words, forgery] of [
    [/algorithm/, { header: { alg: "none" }, signature: "" }],
    [/algorithm/, { header: { alg: "HS256" }, secret: issuer.publicPem() }],
    [/algorithm/, { header: { alg: "RS256" } }],
    [/signature/, { signature: "" }],
    [/signature/, { key: issuer.stranger() }],
    [/key is unknown/, { header: { kid: "third" } }],
    [/names no key/, { header: { kid: undefined } }],
    [/access token/, { header: { typ: "JWT" } }],
    [/access token/, { header: { typ: undefined }, claims: { aud: "sekisho-cli" } }],
    [/another audience/, { claims: { aud: ELSEWHERE } }],
    [/another issuer/, { claims: { iss: `${issuer.url}/` } }],
    [/bound to a key/, { claims: { cnf: { jkt: "of somebody's key" } } }],
    [/expired/, { claims: { iat: now - 700, exp: now - 1 } }],
    [/`exp`/, { claims: { exp: undefined } }],
    [/`sub`/, { claims: { sub: undefined } }],
    [/not yet valid/, { claims: { nbf: now + 60 } }],
    [/issued in the future/, { claims: { iat: now + 60 } }],
  ]) {
    await refused(withToken(issuer.forge(forgery)), words);
  }

  step("who signs out is signed out: here, and at the provider, which renews nothing any more");
  const renewal = kept().map((path) => JSON.parse(readFileSync(path, "utf8"))).find((login) => login.refresh_token);
  for (const path of [person, other]) {
    assert.equal((await run("sekisho", ["--profile", path, "logout"])).code, 0);
    await refused(path, /not signed in/);
  }
  const configuration = await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json();
  const replayed = await fetch(configuration.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "refresh_token", client_id: "sekisho-cli", refresh_token: renewal.refresh_token,
    }),
  });
  assert.equal((await replayed.json()).error, "invalid_grant");
  const again = await run("sekisho", ["--profile", person, "logout"]);
  assert.match(again.stderr, /nobody was signed in/);

  step("while the provider is gone nobody new signs in, and whoever is signed in goes on");
  const good = withToken(issuer.forge({}));
  await issuer.stop();
  await allowed(good);
  const gone = await run("sekisho", ["--profile", person, "login"]);
  assert.equal(gone.code, 13, gone.stderr);

  server.child.kill("SIGTERM");
  await server.done;
}

const began = Date.now();
try {
  await story();
  console.log(`all ${steps} steps hold, in ${((Date.now() - began) / 1000).toFixed(1)} s`);
} finally {
  for (const child of running) child.kill("SIGKILL");
  issuer?.server.closeAllConnections();
  issuer?.server.close();
  rmSync(room, { recursive: true, force: true });
}

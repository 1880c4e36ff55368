// An OpenID provider on loopback (npm `oidc-provider`), with keys that can be rotated, and a forger beside it.

import { createServer } from "node:http";
import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import Provider from "oidc-provider";

// It notes each default of its configuration; what is wrong is told by its event `server_error`.
console.info = console.warn = () => {};

export const ENCLAVE = "https://enclave.example";
export const ELSEWHERE = "https://elsewhere.example";
// Signs that a client must escape in the `authorization` header.
export const SECRET = "p:a/ss+w%rd-of-the-pipeline";

const CLIENTS = [
  {
    client_id: "sekisho-cli",
    application_type: "native",
    token_endpoint_auth_method: "none",
    grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    redirect_uris: [],
    response_types: [],
  },
  {
    client_id: "pipeline",
    client_secret: SECRET,
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  },
];

const stored = new Map();

/** What the provider remembers: the same before and after its keys were rotated. */
class Memory {
  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload) {
    stored.set(`${this.model}:${id}`, payload);
  }

  async find(id) {
    return stored.get(`${this.model}:${id}`);
  }

  async findByUid(uid) {
    return this.first((payload) => payload.uid === uid);
  }

  async findByUserCode(code) {
    return this.first((payload) => payload.userCode === code);
  }

  async consume(id) {
    (await this.find(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    stored.delete(`${this.model}:${id}`);
  }

  async revokeByGrantId(grant) {
    for (const [key, payload] of stored) if (payload.grantId === grant) stored.delete(key);
  }

  first(matches) {
    for (const [key, payload] of stored) if (key.startsWith(`${this.model}:`) && matches(payload)) return payload;
    return undefined;
  }
}

/** A signing key of its own, with the algorithm that it is for. */
function newKey(alg, kid) {
  const options = alg === "RS256" ? ["rsa", { modulusLength: 2048 }] : ["ec", { namedCurve: "P-256" }];
  const { privateKey } = generateKeyPairSync(...options);
  return { alg, kid, privateKey, jwk: { ...privateKey.export({ format: "jwk" }), alg, kid, use: "sig" } };
}

const base64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** The provider; `lifetime` is that of the tokens that it issues from then on, in seconds. */
export class Issuer {
  lifetime = 300;
  renewals = 0;

  static async start() {
    const issuer = new Issuer();
    issuer.server = createServer((request, response) => issuer.answer(request, response));
    await new Promise((listening) => issuer.server.listen(0, "127.0.0.1", listening));
    issuer.url = `http://127.0.0.1:${issuer.server.address().port}`;
    issuer.useKeys(newKey("RS256", "first"));
    return issuer;
  }

  /** Signs with a key of another kind from now on, and publishes the old one no more. */
  rotate() {
    const old = this.key;
    this.useKeys(newKey("ES256", "second"));
    return old;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  useKeys(key) {
    this.key = key;
    // ID tokens are signed with RS256 whatever signs access tokens.
    const keys = key.alg === "RS256" ? [key.jwk] : [key.jwk, newKey("RS256", "of-id-tokens").jwk];
    const provider = new Provider(this.url, {
      adapter: Memory,
      clients: CLIENTS,
      jwks: { keys },
      cookies: { keys: ["a key of the cookies of a test"] },
      features: {
        clientCredentials: { enabled: true },
        deviceFlow: { enabled: true },
        devInteractions: { enabled: true },
        introspection: { enabled: false },
        revocation: { enabled: true, allowedPolicy: () => true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: "analyse",
            accessTokenFormat: "jwt",
            accessTokenTTL: this.lifetime,
            jwt: { sign: { alg: key.alg } },
          }),
        },
      },
      ttl: { ClientCredentials: () => this.lifetime, AccessToken: () => this.lifetime },
      rotateRefreshToken: true,
      issueRefreshToken: (_ctx, client) => client.grantTypeAllowed("refresh_token"),
      findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      extraTokenClaims: () => ({ organisation: "org-a", groups: ["analysts"] }),
    });
    provider.on("grant.success", (ctx) => {
      if (ctx.oidc.params.grant_type === "refresh_token") this.renewals += 1;
    });
    provider.on("server_error", (_ctx, error) => console.error("the provider:", error));
    this.handler = provider.callback();
  }

  answer(request, response) {
    return this.handler(request, response);
  }

  /** A token with the provider's own key, or another one, whatever it says. */
  forge({ header = {}, claims = {}, key = this.key, secret, signature }) {
    const now = Math.floor(Date.now() / 1000);
    const head = { alg: key.alg, typ: "at+jwt", kid: key.kid, ...header };
    const body = {
      iss: this.url, sub: "analyst", aud: ENCLAVE, iat: now, exp: now + 600,
      client_id: "sekisho-cli", organisation: "org-a", ...claims,
    };
    const message = `${base64(head)}.${base64(body)}`;
    if (signature !== undefined) return `${message}.${signature}`;
    if (secret !== undefined) return `${message}.${createHmac("sha256", secret).update(message).digest("base64url")}`;
    const signed = sign("sha256", Buffer.from(message), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
    return `${message}.${signed.toString("base64url")}`;
  }

  publicPem() {
    return createPublicKey(this.key.privateKey).export({ type: "spki", format: "pem" });
  }

  stranger() {
    return newKey(this.key.alg, this.key.kid);
  }
}

/** What a person does in a browser: types the code in, signs in, agrees. */
export async function approve(address, person) {
  const jar = new Map();
  const open = async (url, form) => {
    for (let hops = 0; hops < 12; hops += 1) {
      const answer = await fetch(url, {
        method: form ? "POST" : "GET",
        redirect: "manual",
        headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
        body: form && new URLSearchParams(form),
      });
      for (const line of answer.headers.getSetCookie()) {
        const [name, ...value] = line.split(";")[0].split("=");
        jar.set(name, value.join("="));
      }
      const next = answer.headers.get("location");
      if (!next) return { url, status: answer.status, html: await answer.text() };
      [url, form] = [new URL(next, url).href, undefined];
    }
    throw new Error(`too many redirects to ${url}`);
  };
  let page = await open(address);
  for (let step = 0; step < 8; step += 1) {
    const form = page.html.match(/<form[^>]*action="([^"]*)"/);
    if (page.status !== 200) throw new Error(`${page.url} answers ${page.status}: ${page.html}`);
    if (!form) return;
    const fields = {};
    for (const [input] of page.html.matchAll(/<input[^>]*>/g)) {
      const name = input.match(/name="([^"]*)"/)?.[1];
      if (name) fields[name] = input.match(/value="([^"]*)"/)?.[1] ?? "";
    }
    if ("login" in fields) Object.assign(fields, { login: person, password: "x" });
    page = await open(new URL(form[1], page.url).href, fields);
  }
  throw new Error(`still a form at ${page.url}`);
}

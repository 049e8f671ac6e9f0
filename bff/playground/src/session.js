// Who the visitor has signed in as, one for all tabs and reloads, and what their operations have
// answered so far. Both fill the blanks of example variables: `{{key}}` is another key at each run,
// `{{phone}}` is the demo person's, `{{bills.items.0.id}}` comes from an earlier answer, `{{day.-70}}`
// is the date so many days ago.

const SIGNED_IN = "playground:session";
const ANSWERS = "playground:answers";
const SIGN_IN = "/playground/people";
// A token is good for 15 minutes; the server goes on with the session it keeps.
const REFRESH_AFTER_MS = 12 * 60 * 1000;
const BLANK = /\{\{([A-Za-z_0-9.-]+)\}\}/g;

function kept(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

/** The demo people of the sandbox city; none where there is no sandbox. */
export async function people() {
  const response = await fetch(SIGN_IN);
  return response.ok ? response.json() : [];
}

/** The key of the person signed in, or "". */
export function signedInAs() {
  return kept(SIGNED_IN)?.person.key ?? "";
}

/** Sign in as a demo person, or out with "". */
export async function signIn(key) {
  localStorage.removeItem(ANSWERS);
  if (!key) {
    localStorage.removeItem(SIGNED_IN);
    return;
  }
  const response = await fetch(SIGN_IN, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key }),
  });
  if (!response.ok) throw new Error(await response.text());
  const session = { ...(await response.json()), at: Date.now() };
  localStorage.setItem(SIGNED_IN, JSON.stringify(session));
}

/** The Authorization header of whoever is signed in, as fresh as it has to be; {} for a stranger. */
export async function authorization() {
  let session = kept(SIGNED_IN);
  if (session && Date.now() - session.at > REFRESH_AFTER_MS) {
    await signIn(session.person.key);
    session = kept(SIGNED_IN);
  }
  return session ? { Authorization: `Bearer ${session.accessToken}` } : {};
}

/** Note an answer, for the blanks of later operations. */
export function remember(data) {
  if (data) localStorage.setItem(ANSWERS, JSON.stringify({ ...kept(ANSWERS), ...data }));
}

/** Variables with their blanks filled. Throws an Error that names a blank which nothing fills. */
export function filled(variables) {
  const person = kept(SIGNED_IN)?.person ?? {};
  const known = { ...person, ...person.household, ...kept(ANSWERS) };
  return fill(variables, known);
}

function fill(value, known) {
  if (Array.isArray(value)) return value.map((member) => fill(member, known));
  if (value && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, fill(member, known)]),
    );
  }
  if (typeof value !== "string") return value;
  const whole = /^\{\{([A-Za-z_0-9.-]+)\}\}$/.exec(value);
  if (whole) return find(whole[1], known);
  return value.replace(BLANK, (_, path) => find(path, known));
}

/** The city's date so many days from today, as YYYY-MM-DD. */
function dateIn(days) {
  const form = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Shanghai" });
  return form.format(Date.now() + days * 86_400_000);
}

function find(path, known) {
  if (path === "key") return crypto.randomUUID();
  const days = /^day\.(-?\d+)$/.exec(path);
  if (days) return dateIn(Number(days[1]));
  const found = path.split(".").reduce((value, step) => value?.[step], known);
  if (found == null) {
    throw new Error(
      `{{${path}}}：请先登录为演示人物并运行前面的操作 Sign in as a demo person and run the operations before this one`,
    );
  }
  return found;
}

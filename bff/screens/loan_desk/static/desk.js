// The loan desk: a bank's officers decide on applications, risk officers settle reviews.
// Everything is asked by trusted operations with the officer's own session, kept in memory alone.

import { bars } from "./charts.js";

const config = JSON.parse(document.getElementById("config").textContent);
const words = config.words;
const main = document.getElementById("main");
const tabs = document.getElementById("tabs");
const notice = document.getElementById("notice");
const PAGE = 20;
const OFFER_DAYS = 10;
const BANK = "loans.decide";
const RISK = "risk.review";
let session = null;

// ---- asking

const key = () => `desk-${crypto.randomUUID()}`;

function device() {
  return { id: "loan-desk-browser", name: "loan desk" };
}

async function post(name, variables) {
  const headers = { "content-type": "application/json", "accept-language": config.locale };
  if (session) headers.authorization = `Bearer ${session.accessToken}`;
  const body = JSON.stringify({ documentId: config.operations[name], variables });
  const answer = await fetch("/graphql", { method: "POST", headers, body });
  return { status: answer.status, body: await answer.json() };
}

async function refresh() {
  const known = session;
  session = null;
  const { body } = await post("RefreshSession", {
    refreshToken: known.refreshToken, device: device(), refreshKey: key(),
  });
  const tokens = body.data?.refreshSession;
  if (tokens?.__typename !== "Tokens") return false;
  session = tokens;
  return true;
}

// The operation's only field. A refusal is an Error with what the server says to people.
async function ask(name, variables = {}) {
  let answer = await post(name, variables);
  if (answer.status === 401 && session && (await refresh())) answer = await post(name, variables);
  if (answer.status === 401) signOut();
  const error = answer.body.errors?.[0];
  if (error) throw new Error(error.message);
  const [found] = Object.values(answer.body.data);
  if (found && found.message && found.code) throw new Error(found.message);
  return found;
}

// ---- making nodes

function node(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key_, value] of Object.entries(attributes)) {
    if (key_ === "onclick" || key_ === "onsubmit") made.addEventListener(key_.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(key_, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const section = (title, ...children) => node("section", {}, node("h2", {}, title), ...children);

function table(heads, rows) {
  if (!rows.length) return node("p", { class: "soft" }, words.nothing);
  const head = heads.map((one) => node("th", { class: one.number ? "number" : "" }, one.title));
  const body = rows.map((row) =>
    node("tr", {}, ...row.map((cell, i) =>
      node("td", { class: heads[i].number ? "number" : heads[i].text ? "text" : "" }, cell ?? ""))));
  return node("div", { class: "scroll" }, node("table", {},
    node("thead", {}, node("tr", {}, ...head)), node("tbody", {}, ...body)));
}

function list(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return node("dl", {}, ...shown.flatMap(([title, value]) =>
    [node("dt", {}, title), node("dd", {}, value)]));
}

const bullets = (items) => items.length
  ? node("ul", {}, ...items.map((item) => node("li", {}, item.title))) : null;

const yuan = (fen) => (fen / 100).toLocaleString(config.locale, { maximumFractionDigits: 2 });
const units = (fen) =>
  (fen / config.unitFen).toLocaleString(config.locale, { maximumFractionDigits: 1 });
// A column of the engine is in fen where its name says so; people read yuan.
const valueOf = (fact) =>
  fact.name.endsWith("_fen") && fact.value ? yuan(Number(fact.value)) : fact.value;
const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(2)}%`);
const day = (moment) =>
  new Date(moment).toLocaleDateString("sv-SE", { timeZone: "Asia/Shanghai" });
const column = (title, kind = "") => ({ title, number: kind === "number", text: kind === "text" });

function say(text, isBad = false) {
  notice.textContent = text;
  notice.className = isBad ? "bad" : "";
  notice.hidden = !text;
}

// Runs what a button or tab does; a refusal is said above the page, which stays as it is.
async function run(work, done = "") {
  say("");
  try {
    await work();
    if (done) say(done);
  } catch (error) {
    say(error.message || words.failed, true);
  }
}

const button = (title, work, attributes = {}) =>
  node("button", { type: "button", ...attributes, onclick: () => run(work) }, title);

const field = (title, attributes) => node("label", {}, title, node("input", attributes));

function show(...children) {
  main.replaceChildren(...children);
}

// ---- signing in

function signIn() {
  tabs.replaceChildren();
  const form = node("form", { onsubmit: (event) => { event.preventDefault(); run(logIn); } },
    field(words.phone, { name: "phone", type: "tel", autocomplete: "username", required: true }),
    button(words.sendCode, sendCode, { id: "send" }),
    field(words.code, { name: "code", inputmode: "numeric", autocomplete: "one-time-code" }),
    field(words.totp, { name: "totp", inputmode: "numeric", autocomplete: "off" }),
    node("button", { class: "main", id: "log-in" }, words.logIn));
  const value = (name) => form.elements[name].value.trim();

  async function sendCode() {
    await ask("RequestLoginCode", { phone: value("phone"), codeKey: key() });
    say(words.sent);
  }

  async function logIn() {
    session = await ask("StaffLogIn", {
      phone: value("phone"), code: value("code"), authenticatorCode: value("totp"),
      device: device(), loginKey: key(),
    });
    await open();
  }

  show(section(words.logIn, form));
}

function signOut() {
  session = null;
  signIn();
}

function scopes() {
  const [, body] = session.accessToken.split(".");
  return JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/"))).scp ?? [];
}

async function open() {
  const may = scopes();
  const views = [];
  if (may.includes(BANK)) {
    views.push(["applications", () => applications("RECEIVED")]);
    views.push(["figures", () => figures("BankLoanFigures")]);
  } else if (may.includes(RISK)) {
    views.push(["reviews", reviews], ["figures", () => figures("LoanFigures")]);
    views.push(["products", proposals], ["models", registry]);
  }
  const buttons = views.map(([name, work]) => button(words[name], async () => {
    buttons.forEach((one) => one.toggleAttribute("aria-current", false));
    buttons[views.findIndex(([other]) => other === name)].setAttribute("aria-current", "page");
    show(node("p", { class: "soft" }, words.loading));
    await work();
  }, { id: `tab-${name}` }));
  tabs.replaceChildren(...buttons, button(words.logOut, async () => signOut()));
  if (buttons.length) buttons[0].click();
  else show(section(words.noDesk));
}

// ---- a bank's applications

async function applications(state, after = null) {
  const variables = { state: state || null, first: PAGE, after };
  const found = await ask("BankLoanApplications", variables);
  const choose = node("select", { id: "state", "aria-label": words.state },
    ...["RECEIVED", "OFFERED", "SIGNED", "DISBURSED", "REFUSED", ""].map((one) =>
      node("option", { value: one, selected: one === state },
        one ? words[`state.${one}`] : words.all)));
  choose.addEventListener("change", () => run(() => applications(choose.value)));
  const rows = found.edges.map(({ node: one }) => [
    button(one.no, () => application(one.id)), one.companyName, one.product, yuan(one.amount),
    String(one.months), badge(one.advice), words[`state.${one.state}`], day(one.createdAt),
  ]);
  const next = found.pageInfo.hasNextPage
    ? button(words.more, () => applications(state, found.pageInfo.endCursor)) : null;
  show(section(words.applications, choose, table([
    column(words.no), column(words.company, "text"), column(words.product, "text"),
    column(words.amount, "number"), column(words.months, "number"), column(words.advice),
    column(words.state), column(words.date),
  ], rows), next));
}

const badge = (advice) => advice
  ? node("span", { class: `badge ${advice.outcome}` }, words[advice.outcome])
  : node("span", { class: "soft" }, "–");

function adviceSection(title, advice) {
  if (!advice) return section(title, node("p", { class: "soft" }, words.noAdvice));
  return section(title, badge(advice), node("p", { class: "soft" }, words.adviceNote), list([
    [words.score, String(advice.score)],
    [words.limit, advice.limit ? yuan(advice.limit) : null],
    [words.factors, bullets(advice.factors)],
    [words.absent, bullets(advice.absent)],
    [words.wouldHelp, advice.wouldHelp],
    [words.policy, advice.policy],
    [words.model, advice.model.slice(0, 12)],
  ]));
}

async function application(id) {
  showApplication(await ask("BankLoanApplication", { id }));
}

function showApplication(one) {
  const changed = (answer) => { showApplication(answer.application); say(words.done); };
  const sources = one.sources.flatMap((source) => {
    const title = words[`source.${source.source}`] ?? source.source;
    const status = source.status === "answered" ? "" : ` · ${words[source.status] ?? source.status}`;
    const facts = source.facts.length ? source.facts : [{ name: "", value: "" }];
    return facts.map((fact, i) => [i ? "" : title + status,
      words[`fact.${fact.name}`] ?? fact.name, valueOf(fact)]);
  });
  show(
    node("div", {}, button(words.back, () => applications("RECEIVED"))),
    node("div", { class: "pair" },
      section(`${one.companyName} · ${one.no}`, list([
        [words.state, words[`state.${one.state}`]], [words.uscc, one.uscc],
        [words.product, one.product], [words.amount, yuan(one.amount)],
        [words.months, String(one.months)], [words.form, words[`form.${one.form}`]],
        [words.purpose, one.purpose], [words.wanted, one.wanted],
        [words.offered, one.offer && yuan(one.offer.amount)],
        [words.annualCost, one.offer && percent(one.offer.costs.compoundPpm / 1e6)],
        [words.refusal, one.refusal && one.refusal.title], [words.date, day(one.createdAt)],
      ]), one.state === "RECEIVED" ? decision(one, changed) : null),
      node("div", { class: "stack" }, adviceSection(words.advice, one.advice),
        section(words.sources, table([column(words.source, "text"),
          column(words.item, "text"), column(words.value, "number")], sources)))));
}

function decision(one, changed) {
  const until = new Date(Date.parse(config.today) + OFFER_DAYS * 86_400_000).toISOString().slice(0, 10);
  const middle = Math.round((one.marginLeastBps + one.marginMostBps) / 2);
  const amount = node("input", { id: "amount", inputmode: "decimal", value: one.amount / 100 });
  const margin = node("input", { id: "margin", type: "number", value: middle,
    min: one.marginLeastBps, max: one.marginMostBps });
  const valid = node("input", { id: "valid", type: "date", value: until });
  const reason = node("select", { id: "reason" },
    ...one.reasons.map((each) => node("option", { value: each.code }, each.title)));
  const wanted = node("input", { id: "document", maxlength: 64 });
  const offer = async () => changed(await ask("OfferLoan", {
    applicationId: one.id, offerKey: key(),
    offer: { amount: Math.round(Number(amount.value) * 100), months: one.months, form: one.form,
      marginBps: Number(margin.value), validUntil: valid.value },
  }));
  const refuse = async () => changed(await ask("RefuseLoan", {
    applicationId: one.id, reason: reason.value, refuseKey: key() }));
  const askFor = async () => changed(await ask("AskLoanDocument", {
    applicationId: one.id, document: wanted.value, askKey: key() }));
  return node("div", {}, node("h3", {}, words.decide),
    node("div", { class: "form" }, node("label", {}, words.amount, amount),
      node("label", {}, words.margin, margin), node("label", {}, words.validUntil, valid),
      button(words.offer, offer, { class: "main", id: "offer" })),
    node("h3", {}, words.refuse),
    node("div", { class: "form" }, node("label", {}, words.reason, reason),
      button(words.refuse, refuse, { class: "danger", id: "refuse" })),
    node("h3", {}, words.ask),
    node("div", { class: "form" }, node("label", {}, words.document, wanted),
      button(words.ask, askFor, { id: "ask" })));
}

// ---- figures: each picture with its table beside it

async function figures(operation) {
  const found = await ask(operation);
  const titles = Object.fromEntries(found.funnels.map((one) => [one.product, one.title]));
  const name = (book) => titles[book.product] ?? book.product;
  const lent = found.books.reduce((sum, book) => sum + book.lent, 0);
  const loans = found.books.reduce((sum, book) => sum + book.loans, 0);
  const rate = (book) => (book.lent ? book.yearly / book.lent : null);
  const overdue = (book) => {
    const late = book.ages.slice(1).reduce((sum, age) => sum + age.principal, 0);
    return book.principal ? late / book.principal : null;
  };
  const way = ["received", "offered", "signed", "disbursed"];
  const wayTitles = [words.received, words.offeredCount, words.signed, words.disbursed];
  const ages = [words.age0, words.age1, words.age31, words.age61, words.age91];
  show(
    section(`${words.asOf} ${found.on}`, node("div", { class: "numbers" },
      node("div", {}, node("b", {}, String(found.companies)), words.companies),
      node("div", {}, node("b", {}, String(loans)), words.borrowers),
      node("div", {}, node("b", {}, `${units(lent)} ${words.unit}`), words.lentAll))),
    picture(words.funnel,
      bars(words.funnel, found.funnels.map((one) =>
        ({ title: one.title, values: way.map((step) => one[step]) })), wayTitles, String),
      table([column(words.product, "text"), ...wayTitles.map((one) => column(one, "number")),
        column(words.refused, "number"), column(words.waiting, "number"),
        column(words.approval, "number")],
      found.funnels.map((one) => [one.title, ...way.map((step) => String(one[step])),
        String(one.refused), String(one.waiting),
        percent(one.approvalBps === null ? null : one.approvalBps / 1e4)]))),
    picture(words.rate,
      bars(words.rate, found.books.map((book) =>
        ({ title: name(book), values: [rate(book) ?? 0] })), [words.rate], percent),
      table([column(words.product, "text"), column(words.loans, "number"),
        column(`${words.lent} (${words.unit})`, "number"), column(words.rate, "number")],
      found.books.map((book) => [name(book), String(book.loans), units(book.lent),
        percent(rate(book))]))),
    picture(`${words.arrears} (${words.unit})`,
      bars(words.arrears, found.books.map((book) =>
        ({ title: name(book), values: book.ages.map((age) => age.principal) })), ages, units),
      table([column(words.product, "text"), ...ages.map((age) => column(age, "number")),
        column(words.overdueShare, "number")],
      found.books.map((book) => [name(book), ...book.ages.map((age) => units(age.principal)),
        percent(overdue(book))]))));
}

const picture = (title, drawn, beside) =>
  section(title, node("div", { class: "pair" }, drawn, beside));

// ---- reviews

async function reviews() {
  const found = await ask("LoanReviews", { first: PAGE, after: null });
  show(section(words.reviews, table([
    column(words.no), column(words.state, "text"), column(words.date), column(words.due),
  ], found.edges.map(({ node: task }) => [
    button(task.case.no, () => review(task.case.id)), task.case.stateTitle, day(task.openedAt),
    task.case.dueOn,
  ]))));
}

async function review(caseId) {
  const found = await ask("LoanReview", { caseId });
  const task = found.tasks.find((one) => one.status === "OPEN" && one.steps.length);
  const steps = task && task.steps.length ? settling(task) : null;
  show(node("div", {}, button(words.back, reviews)),
    node("div", { class: "pair" },
      section(`${found.case.no} · ${found.case.stateTitle}`, node("h3", {}, words.answers),
        list(found.case.answers.map((one) => [one.title, words[`form.${one.value}`] ?? one.value])), steps),
      node("div", { class: "stack" }, ...(found.advice.length
        ? found.advice.map((one) => adviceSection(`${words.advice} · ${one.bank}`, one.advice))
        : [adviceSection(words.advice, null)]))));
}

function settling(task) {
  const note = node("textarea", { id: "note", maxlength: 500 });
  const settle = (step) => async () => {
    if (step.needsNote && !note.value.trim()) throw new Error(words.noteNeeded);
    if (!task.isMine) await ask("TakeLoanReview", { taskId: task.id, takeKey: key() });
    await ask("SettleLoanReview", {
      taskId: task.id, event: step.event, note: note.value.trim(), settleKey: key() });
    await reviews();
    say(words.done);
  };
  return node("div", {}, node("h3", {}, words.decide), node("label", {}, words.note, note),
    node("div", { class: "actions" }, ...task.steps.map((step, i) =>
      button(step.title, settle(step), { id: `step-${step.event}`, class: i ? "" : "main" }))));
}

// ---- products that wait for a second pair of eyes

async function proposals() {
  const found = await ask("LoanProductProposals");
  const decide = (id, publish) => async () => {
    await ask("DecideLoanProduct", { id, publish, decideKey: key() });
    await proposals();
    say(words.done);
  };
  show(section(words.products, table([
    column(words.product, "text"), column(words.bank), column(words.version, "number"),
    column(words.amount, "number"), column(words.margin), column(words.proposedBy), column(""),
  ], found.map((one) => [
    one.product.title, one.product.bank, String(one.version),
    `${yuan(one.product.least)} – ${yuan(one.product.most)}`,
    `${one.product.marginLeastBps} – ${one.product.marginMostBps}`, one.proposedBy,
    node("span", { class: "actions" }, button(words.publish, decide(one.id, true), { class: "main" }),
      button(words.reject, decide(one.id, false), { class: "danger" })),
  ]))));
}

// ---- which models and policies stand

async function registry() {
  const found = await ask("LoanRegistry");
  show(
    section(words.models, node("p", { class: "soft" }, words.registryNote), table([
      column(words.model), column(words.state), column(words.author), column(words.validator),
      column(words.validUntilModel), column(words.today, "text"),
    ], found.models.map((one) => [one.hash.slice(0, 12), one.state, one.author, one.validator,
      one.validUntil, one.fault ?? words.stands]))),
    section(words.policies, table([
      column(words.policy), column(words.model), column(words.proposedBy), column(words.approver),
    ], found.policies.map((one) => [one.name, one.hash.slice(0, 12), one.proposer, one.approver]))));
}

signIn();

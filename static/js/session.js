// Before a form is sent: is this person still signed in, and is there a connection? If not, nothing is sent and
// nothing that was typed is lost: one signs in in another window, comes back and presses again.
const { person, session } = document.body.dataset;
const dialog = document.getElementById("signed-out");
const looking = new WeakSet();
const sure = new WeakSet();

async function look() {
  try {
    const answer = await fetch(session, { headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function renew(token) {
  document.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach((field) => (field.value = token));
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
}

// What stands there now: "here", "signed out", "somebody else" or "no connection".
async function standing() {
  const found = await look();
  if (!found) return "no connection";
  if (!found.person) return "signed out";
  if (String(found.person) !== person) return "somebody else";
  renew(found.token);
  return "here";
}

function tell(what) {
  if (what === "signed out") return dialog?.showModal();
  const template = document.getElementById(what === "somebody else" ? "say-somebody-else" : "say-no-connection");
  document.dispatchEvent(new CustomEvent("portal:warn", { detail: template?.content.textContent.trim() }));
  return undefined;
}

if (person && session) {
  document.addEventListener(
    "submit",
    async (event) => {
      const { target: form, submitter } = event;
      if (form.method !== "post" || sure.delete(form)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (looking.has(form)) return;
      looking.add(form);
      const what = await standing();
      looking.delete(form);
      if (what !== "here") {
        tell(what);
        return;
      }
      sure.add(form);
      form.requestSubmit(submitter);
    },
    true,
  );

  // A piece of the page that renews itself met the sign-in page.
  document.addEventListener("portal:signed-out", () => dialog?.open || dialog?.showModal());

  // Back from the other window.
  window.addEventListener("focus", async () => {
    if (!dialog?.open) return;
    const what = await standing();
    if (what !== "here" && what !== "somebody else") return;
    dialog.close();
    if (what === "somebody else") {
      tell(what);
      return;
    }
    const words = document.getElementById("say-back")?.content.textContent.trim();
    document.dispatchEvent(new CustomEvent("portal:say", { detail: words }));
  });
}

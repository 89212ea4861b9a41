"""What was done, what stays and why something is refused, in the languages of the letters. Imports no Django.

The same care as on the pages: what is only hidden is never called erased.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from requests_app.enums import Asked, Kind, Language, Mode, Outcome, Reached, Refusal
from requests_app.workflow.plan import Plan

EN, DE = Language.ENGLISH, Language.GERMAN
Both = Mapping[Language, str]


def _both(english: str, german: str) -> Both:
    return MappingProxyType({EN: english, DE: german})


PARTS: Mapping[str, Both] = MappingProxyType(
    {
        "user": _both("your account and profile", "Ihr Konto und Profil"),
        "messages": _both("the messages you wrote", "die von Ihnen geschriebenen Nachrichten"),
        "conversations": _both("your conversations with one other person", "Ihre Unterhaltungen zu zweit"),
        "calls": _both("your calls with one other person", "Ihre Anrufe zu zweit"),
        "feeds_data": _both("your feeds, activities and comments", "Ihre Feeds, Aktivitäten und Kommentare"),
        "files": _both("the files you uploaded", "die von Ihnen hochgeladenen Dateien"),
        "export_user_data": _both("your profile, messages and calls", "Ihr Profil, Ihre Nachrichten und Anrufe"),
        "export_feeds_data": _both("your feeds, activities and comments", "Ihre Feeds, Aktivitäten und Kommentare"),
    }
)
_DID = {
    Mode.HARD: _both("erased", "gelöscht"),
    Mode.PRUNING: _both("emptied; a shell without content remains", "geleert; eine leere Hülle bleibt"),
    Mode.SOFT: _both(
        "hidden; our provider keeps it, so it is not erased",
        "ausgeblendet; unser Dienstleister bewahrt es auf, es ist also nicht gelöscht",
    ),
    Mode.KEEP: _both("kept", "behalten"),
}
# By the table of what was reached, which knows more than the plan.
_REACHED = {
    Reached.REMOVED: _DID[Mode.HARD],
    Reached.EMPTIED: _DID[Mode.PRUNING],
    Reached.HIDDEN: _DID[Mode.SOFT],
    Reached.KEPT: _DID[Mode.KEEP],
    Reached.NOTHING_THERE: _both("nothing found", "nichts gefunden"),
    Reached.NOT_VERIFIED: _both(
        "sent to our provider; we have not been able to check that it is done",
        "an unseren Dienstleister gesendet; wir konnten nicht überprüfen, ob es erledigt ist",
    ),
    Reached.NOT_REACHED: _both("not reached", "nicht erreicht"),
}
# Of an account that was to come back.
_BACK = {
    Reached.RESTORED: _both("brought back", "wiederhergestellt"),
    Reached.NOT_VERIFIED: _both(
        "our provider was asked to bring it back; we have not been able to check that it is there again",
        "unser Dienstleister sollte es wiederherstellen; wir konnten nicht überprüfen, ob es wieder da ist",
    ),
    Reached.NOT_REACHED: _both(
        "it was to be brought back, and we did not manage to", "es sollte wiederhergestellt werden; das gelang nicht"
    ),
}
_COPY = _both("a copy for you", "eine Kopie für Sie")
_ENDS = {
    Outcome.NOTHING_FOUND: _both(
        "We found no account like the one that you named, so nothing was copied or deleted.",
        "Ein Konto, wie Sie es genannt haben, haben wir nicht gefunden; kopiert oder gelöscht wurde deshalb nichts.",
    ),
    Outcome.FAILED: _both(
        "It could not be carried out for technical reasons.", "Es war aus technischen Gründen nicht möglich."
    ),
    Outcome.REFUSED_BY_STREAM: _both("Our provider did not carry it out.", "Unser Dienstleister hat es abgelehnt."),
    Outcome.RESTORED: _both(
        "Your account was restored; messages and memberships do not come back.",
        "Ihr Konto wurde wiederhergestellt; Nachrichten und Mitgliedschaften kommen nicht zurück.",
    ),
}
_NOT_VERIFIED = _both(
    "The following was sent to our provider; we have not been able to check that it is done:",
    "Folgendes wurde an unseren Dienstleister gesendet; wir konnten noch nicht überprüfen, ob es erledigt ist:",
)
_INCOMPLETE = _both(
    "Not all of what you asked for was reached.", "Es wurde nicht alles erreicht, worum Sie gebeten haben."
)
_STAYS = {
    "groups": _both(
        "group channels and group calls, and what others wrote in them, also where they quote or mention you",
        "Gruppenkanäle und Gruppenanrufe und was andere darin schrieben, auch wo sie Sie zitieren oder nennen",
    ),
    "nothing_changed": _both(
        "Nothing was changed or deleted: an export is a copy.",
        "Nichts wurde geändert oder gelöscht: Ein Export ist eine Kopie.",
    ),
}
_MODES = ("user", "messages", "conversations", "calls", "feeds_data")
REASONS: Mapping[Refusal, Both] = MappingProxyType(
    {
        Refusal.UNFOUNDED: _both(
            "Your request is manifestly unfounded (Art. 12(5) GDPR).",
            "Ihr Antrag ist offenkundig unbegründet (Art. 12 Abs. 5 DSGVO).",
        ),
        Refusal.EXCESSIVE: _both(
            "Your request is excessive (Art. 12(5) GDPR).", "Ihr Antrag ist exzessiv (Art. 12 Abs. 5 DSGVO)."
        ),
        Refusal.NOT_IDENTIFIABLE: _both(
            "We are not able to identify you among our data (Art. 11(2) GDPR).",
            "Wir können Sie in unseren Daten nicht identifizieren (Art. 11 Abs. 2 DSGVO).",
        ),
        Refusal.EXPRESSION: _both(
            "The data is needed for the right of freedom of expression and information (Art. 17(3)(a) GDPR).",
            "Die Daten sind für das Recht auf freie Meinungsäußerung und Information erforderlich "
            "(Art. 17 Abs. 3 Buchst. a DSGVO).",
        ),
        Refusal.LEGAL_OBLIGATION: _both(
            "We must keep the data to comply with a legal obligation (Art. 17(3)(b) GDPR).",
            "Wir müssen die Daten aufgrund einer rechtlichen Verpflichtung behalten (Art. 17 Abs. 3 Buchst. b DSGVO).",
        ),
        Refusal.PUBLIC_HEALTH: _both(
            "The data is needed for reasons of public health (Art. 17(3)(c) GDPR).",
            "Die Daten sind aus Gründen der öffentlichen Gesundheit erforderlich (Art. 17 Abs. 3 Buchst. c DSGVO).",
        ),
        Refusal.ARCHIVING: _both(
            "The data is needed for archiving, research or statistics (Art. 17(3)(d) GDPR).",
            "Die Daten sind für Archiv-, Forschungs- oder statistische Zwecke erforderlich "
            "(Art. 17 Abs. 3 Buchst. d DSGVO).",
        ),
        Refusal.LEGAL_CLAIMS: _both(
            "The data is needed to establish, exercise or defend legal claims (Art. 17(3)(e) GDPR).",
            "Die Daten sind zur Geltendmachung, Ausübung oder Verteidigung von Rechtsansprüchen erforderlich "
            "(Art. 17 Abs. 3 Buchst. e DSGVO).",
        ),
        Refusal.OTHERS_COPY: _both(
            "A copy would adversely affect the rights and freedoms of others (Art. 15(4) GDPR).",
            "Eine Kopie würde die Rechte und Freiheiten anderer beeinträchtigen (Art. 15 Abs. 4 DSGVO).",
        ),
        Refusal.OTHERS_PORTABILITY: _both(
            "Handing the data over would adversely affect the rights and freedoms of others (Art. 20(4) GDPR).",
            "Die Herausgabe würde die Rechte und Freiheiten anderer beeinträchtigen (Art. 20 Abs. 4 DSGVO).",
        ),
    }
)
COURT = _both(
    "You also have the right to a judicial remedy before a court.",
    "Außerdem haben Sie das Recht auf einen gerichtlichen Rechtsbehelf.",
)
CONTROLLER = _both("Your data protection team", "Ihr Datenschutzteam")


def greeting(name: str, language: Language) -> str:
    """The salutation; nobody is guessed to be a woman or a man."""
    if language is DE:
        return f"Guten Tag {name}," if name else "Guten Tag,"
    return f"Dear {name}," if name else "Dear Sir or Madam,"


# What all accounts of a ticket came to, by kind of data as the plan names it, and under `Asked.RESTORE` of users who
# were asked back; without any before it closed.
ReachedByKind = Mapping[str, Collection[Reached]]


def what_was_done(
    plan: Plan, outcome: Outcome | None, language: Language, reached: ReachedByKind = MappingProxyType({})
) -> str:
    """A line for each kind of data that was touched, or the sentence that says what came of it instead."""
    if outcome in _ENDS:
        return _ENDS[outcome][language]
    if outcome is Outcome.PARTIAL and Asked.RESTORE.value not in reached:
        # Which part of the plan was reached for whom stands on the ticket: the plan cannot tell.
        return _INCOMPLETE[language]
    lines = [f"- {what}: {did}" for what, did in _done(plan, language, reached)]
    if outcome is Outcome.NOT_VERIFIED and not reached:
        lines.insert(0, _NOT_VERIFIED[language])
    return "\n".join(lines)


def _done(plan: Plan, language: Language, reached: ReachedByKind) -> Iterator[tuple[str, str]]:
    if plan.kind is Kind.EXPORT:
        for name in ("export_user_data", "export_feeds_data"):
            if getattr(plan, name):
                yield PARTS[name][language], _COPY[language]
        return
    for name in _MODES:
        mode: Mode = getattr(plan, name)
        if mode is not Mode.KEEP:
            yield PARTS[name][language], _ends(name, reached, language) or _DID[mode][language]
    if plan.files:
        yield PARTS["files"][language], _ends("files", reached, language) or _DID[Mode.HARD][language]


def _ends(name: str, reached: ReachedByKind, language: Language) -> str:
    """What was reached of a kind; where accounts differ, all of it, in the order of the words above."""
    ended, back = reached.get(name, ()), reached.get(Asked.RESTORE.value, ()) if name == "user" else ()
    said = [words for end, words in _REACHED.items() if end in ended]
    said += [words for end, words in _BACK.items() if end in back]
    return " / ".join(words[language] for words in said)


def what_stays(plan: Plan, language: Language) -> str:
    """A line for each kind of data that is still there afterwards."""
    if plan.kind is Kind.EXPORT:
        return _STAYS["nothing_changed"][language]
    stays = [PARTS[name][language] for name in _MODES if getattr(plan, name) is Mode.KEEP]
    if not plan.files and plan.user is not Mode.KEEP:
        stays.append(PARTS["files"][language])
    stays.append(_STAYS["groups"][language])
    return "\n".join(f"- {what}" for what in stays)


def reason(code: Refusal, words: str, language: Language) -> str:
    """The reason as the person reads it: that of the law, and what whoever decided adds."""
    return "\n\n".join(part for part in (REASONS[code][language], words.strip()) if part)


def refused_parts(parts: Iterable[tuple[str, Refusal, str]], language: Language) -> str:
    """What is refused of a request: each part with its reason."""
    return "\n\n".join(
        f"- {PARTS[name][language]}: {reason(code, '', language)}" + (f" {words}" if words else "")
        for name, code, words in parts
    )

"""Who may know whose a case is, where its citizen has asked to be unknown to the units.

The citizen says so in a field of the form, which the service's `Application` names. The unit with
which a case begins always knows: somebody has to answer the citizen.
"""

from collections.abc import Mapping

from core.context.app import App
from kinds.application import store, versions
from kinds.application.definition import Definition
from kinds.application.models import Case
from kinds.application.opening import open_form


async def may_know(app: App, case: Case, unit: str) -> bool:
    """Whether a unit may know whose a case is. A call-back keeps the secret of the rated case."""
    application = versions.find_application(app, case.service_id)
    if application is None or not (application.hides_person or application.calls_back):
        return True
    definition = await versions.get_stored(app, case.definition_id)
    if unit == (definition.states[0].unit or definition.unit):
        return True
    form = open_form(app, case)
    if application.calls_back:
        rated = await store.find_by_no(form.get("case_no", ""))
        return rated is None or await may_know(app, rated, unit)
    return form.get(application.hides_person) != "true"


def without_person(definition: Definition, answers: Mapping[str, str]) -> dict[str, str]:
    """A form without the fields into which the account's own data are filled."""
    own = {field.name for field in definition.form if field.prefill}
    return {name: text for name, text in answers.items() if name not in own}

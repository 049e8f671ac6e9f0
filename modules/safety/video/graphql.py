"""Service 58 in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service, query, view
from modules.safety.video import service
from modules.safety.video.domain import (
    SERVICE,
    Camera,
    SchoolCameras,
    SchoolVideo,
    SchoolVideoView,
)

view(Camera, name="SchoolCamera", hidden=("school_code",))
view(SchoolCameras)
view(SchoolVideo)
view(SchoolVideoView)

OpenSchoolVideoResult = Annotated[SchoolVideo | Refused, strawberry.union("OpenSchoolVideoResult")]


@strawberry.type
class Query:
    """The query fields of service 58."""

    @query(
        of_service(SERVICE, for_others=True),
        description="The cameras of the child's school that guardians may see.",
    )
    async def school_cameras(self, info: Info) -> SchoolCameras:
        """For whoever is no guardian there is no such child."""
        return await service.read_cameras(info.context)

    @query(
        of_service(SERVICE, for_others=True),
        description="The viewing log: what guardians of the child have watched, the newest first.",
    )
    async def school_video_views(self, info: Info) -> list[SchoolVideoView]:
        """The school sees the same of its cameras."""
        return list(await service.list_views(info.context))


@strawberry.type
class Mutation:
    """The mutation field of service 58."""

    @mutation(
        of_service(SERVICE, for_others=True),
        description="Watch a camera, two at a time; its log tells the school and all guardians.",
        parties_told="a look, which the viewing log shows to every guardian",
    )
    async def open_school_video(
        self,
        info: Info,
        camera_ref: Annotated[strawberry.ID, strawberry.argument(description="The camera.")],
        idempotency_key: IdempotencyKey,
    ) -> OpenSchoolVideoResult:
        """One that is being watched gives a fresh address of the same entry."""
        return await service.open_video(info.context, camera_ref, idempotency_key)

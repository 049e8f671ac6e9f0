"""How the viewer wishes to be reached, in GraphQL."""

from enum import StrEnum
from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, query, signed_in, view
from notifications.reach import domain, service
from notifications.reach.service import Device
from notifications.templates.domain import CLASSES, Channel, MessageClass


class PushService(StrEnum):
    """Whose token a device has: JPUSH, FCM (Google), APNS (Apple) or HMS (Huawei); WECHAT_MINI and
    ALIPAY_MINI are mini-programmes, whose token is the person's id there, which is linked with the
    account."""

    JPUSH = "jpush"
    FCM = "fcm"
    APNS = "apns"
    HMS = "hms"
    WECHAT_MINI = "wechat_mini"
    ALIPAY_MINI = "alipay_mini"


view(PushService)
view(MessageClass)
view(Channel, name="MessageChannel")


@strawberry.type(description="Whether the viewer wants messages of a class through a channel.")
class MessagePreference:
    id: strawberry.ID = strawberry.field(description="The class and the channel.")
    about: MessageClass = strawberry.field(description="The class.")
    channel: Channel = strawberry.field(description="The channel.")
    wanted: bool = strawberry.field(description="False where the viewer has refused.")
    refusable: bool = strawberry.field(description="Whether it may be refused.")


@strawberry.type(
    description="When only what is critical leaves the inbox, by the city's clock. Over midnight "
    "it belongs to the day on which it begins; equal times are never."
)
class QuietHours:
    starts: str = strawberry.field(description='The beginning, "22:00".')
    ends: str = strawberry.field(description='The end, "07:00".')
    days: list[int] = strawberry.field(description="The days on which it begins; Monday is 0.")


@strawberry.type(description="How the viewer wishes to be reached.")
class MessagePreferences:
    preferences: list[MessagePreference] = strawberry.field(
        description="Every class and the channels it may use beyond the inbox."
    )
    quiet_hours: QuietHours | None = strawberry.field(description="Null for never.")


@strawberry.type(description="The preference is noted.")
class MessagePreferenceSet:
    preference: MessagePreference = strawberry.field(description="As it is now.")


@strawberry.type(description="The quiet hours are noted.")
class QuietHoursSet:
    quiet_hours: QuietHours = strawberry.field(description="As they are now.")


@strawberry.type(description="A device that push is sent to.")
class PushDevice:
    id: strawberry.ID = strawberry.field(description="The device's id.")
    push_service: PushService = strawberry.field(description="Whose token it has.")


@strawberry.type(description="Push is sent to the device.")
class DeviceRegistered:
    device: PushDevice = strawberry.field(description="The device.")


@strawberry.type(description="Push is not sent to the device.")
class DeviceForgotten:
    device_id: strawberry.ID | None = strawberry.field(
        description="The device's id; null where the viewer had no such device."
    )


About = Annotated[MessageClass, strawberry.argument(description="The class.")]
Through = Annotated[Channel, strawberry.argument(description="The channel.")]
Service = Annotated[PushService, strawberry.argument(description="Whose token it is.")]
Token = Annotated[str, strawberry.argument(description="The device's token there.")]

SetMessagePreferenceResult = Annotated[
    MessagePreferenceSet | Refused, strawberry.union("SetMessagePreferenceResult")
]
SetQuietHoursResult = Annotated[QuietHoursSet | Refused, strawberry.union("SetQuietHoursResult")]
RegisterDeviceResult = Annotated[
    DeviceRegistered | Refused, strawberry.union("RegisterDeviceResult")
]
ForgetDeviceResult = Annotated[DeviceForgotten | Refused, strawberry.union("ForgetDeviceResult")]


@strawberry.type
class Query:
    """The query fields of being reached."""

    @query(signed_in(), description="How the viewer wishes to be reached.")
    async def message_preferences(self, info: Info) -> MessagePreferences:
        """Everything is wanted until it is refused."""
        reach = await service.find_preferences(info.context)
        return MessagePreferences(
            preferences=[
                _preference(about, channel, refused=(about, channel) in reach.refused)
                for about in CLASSES
                for channel in Channel
            ],
            quiet_hours=_quiet_hours(reach.quiet) if reach.quiet is not None else None,
        )


@strawberry.type
class Mutation:
    """The mutation fields of being reached."""

    @mutation(signed_in(), description="Want, or refuse, messages of a class through a channel.")
    async def set_message_preference(
        self,
        info: Info,
        about: About,
        channel: Through,
        wanted: Annotated[bool, strawberry.argument(description="False to refuse.")],
        idempotency_key: IdempotencyKey,
    ) -> SetMessagePreferenceResult:
        """Saying it twice is saying it once."""
        await service.set_preference(info.context, about, channel, idempotency_key, wanted=wanted)
        return MessagePreferenceSet(preference=_preference(about, channel, refused=not wanted))

    @mutation(signed_in(), description="Say when only what is critical may leave the inbox.")
    async def set_quiet_hours(
        self,
        info: Info,
        starts: Annotated[str, strawberry.argument(description='The beginning, "22:00".')],
        ends: Annotated[str, strawberry.argument(description='The end, "07:00".')],
        days: Annotated[
            list[int], strawberry.argument(description="The days it begins on; Monday is 0.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> SetQuietHoursResult:
        """Saying it twice is saying it once."""
        quiet = await service.set_quiet_hours(info.context, starts, ends, days, idempotency_key)
        return QuietHoursSet(quiet_hours=_quiet_hours(quiet))

    @mutation(signed_in(), description="Have push sent to a device too, until this session ends.")
    async def register_device(
        self, info: Info, push_service: Service, token: Token, idempotency_key: IdempotencyKey
    ) -> RegisterDeviceResult:
        """A device that was somebody else's is theirs no more."""
        known = Device(push_service.value, token)
        device_id = await service.register_device(info.context, known, idempotency_key)
        device = PushDevice(id=strawberry.ID(str(device_id)), push_service=push_service)
        return DeviceRegistered(device=device)

    @mutation(signed_in(), description="Have push sent to a device no more.")
    async def forget_device(
        self, info: Info, push_service: Service, token: Token, idempotency_key: IdempotencyKey
    ) -> ForgetDeviceResult:
        """Forgetting twice is forgetting once."""
        known = Device(push_service.value, token)
        device_id = await service.forget_device(info.context, known, idempotency_key)
        return DeviceForgotten(
            device_id=strawberry.ID(str(device_id)) if device_id is not None else None
        )


def _preference(about: MessageClass, channel: Channel, *, refused: bool) -> MessagePreference:
    is_critical = CLASSES[about].is_critical
    return MessagePreference(
        id=strawberry.ID(f"{about.value}:{channel.value}"),
        about=about,
        channel=channel,
        wanted=is_critical or not refused,
        refusable=not is_critical,
    )


def _quiet_hours(quiet: domain.QuietHours) -> QuietHours:
    return QuietHours(
        starts=f"{quiet.starts:%H:%M}", ends=f"{quiet.ends:%H:%M}", days=sorted(quiet.days)
    )

"""What task definitions and services name beside roles and secrets: empty until a scenario fills the tables."""

from dataclasses import dataclass, field

from ecs_notebook_lib.simulate.model import Shape

_DEFAULT_PLATFORMS = ("linux/amd64",)


@dataclass(slots=True)
class Holdings:
    """Rows in AWS's own form, by their names.

    `platforms` is by image reference, as `os/architecture`; one that is not listed is built for linux/amd64 alone, and
    one whose list is empty was pushed as a single manifest, which does not say what it is for.
    """

    platforms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    layers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Digests of the layers of images with a single manifest, lowest first, by image reference."""
    unpushed: set[str] = field(default_factory=set)
    """References that task definitions name and no registry holds."""
    pull_through_rules: list[Shape] = field(default_factory=list)
    parameters: dict[str, Shape] = field(default_factory=dict)
    file_systems: dict[str, Shape] = field(default_factory=dict)
    mount_targets: list[Shape] = field(default_factory=list)
    discovery_services: dict[str, Shape] = field(default_factory=dict)
    capacity_providers: dict[str, Shape] = field(default_factory=dict)
    auto_scaling_groups: dict[str, Shape] = field(default_factory=dict)
    container_instances: dict[str, Shape] = field(default_factory=dict)
    scalable_targets: dict[str, Shape] = field(default_factory=dict)
    tags: dict[str, list[Shape]] = field(default_factory=dict)
    """Tags of things that have no shape of their own here, by ARN."""
    stacks: dict[str, Shape] = field(default_factory=dict)
    """Of CloudFormation, by name or id."""
    container_insights: str = "disabled"
    rules: dict[str, Shape] = field(default_factory=dict)
    """Of the default event bus."""
    rule_targets: dict[str, list[Shape]] = field(default_factory=dict)
    """By the rule's name."""
    delivery_streams: dict[str, Shape] = field(default_factory=dict)
    delivery_sources: list[Shape] = field(default_factory=list)
    deliveries: list[Shape] = field(default_factory=list)
    delivery_destinations: list[Shape] = field(default_factory=list)
    fargate_quotas: dict[str, float] = field(
        default_factory=lambda: {
            "Fargate On-Demand vCPU resource count": 6.0,
            "Fargate Spot vCPU resource count": 6.0,
        }
    )

    def platforms_of(self, image: str) -> tuple[str, ...]:
        """Return what an image is built for; empty if its manifest does not say."""
        return self.platforms.get(image, _DEFAULT_PLATFORMS)

    def runs_on(self, image: str, platform: str) -> bool:
        """Say whether a task of this platform can pull the image; a single manifest is pulled for any."""
        platforms = self.platforms_of(image)
        return not platforms or platform in platforms

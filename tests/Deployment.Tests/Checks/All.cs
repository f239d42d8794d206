using System.Collections.Immutable;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>All rules.</summary>
internal static class AllChecks
{
    public static ImmutableArray<Check> List { get; } =
    [
        .. ShapeChecks.List,
        .. ComponentChecks.List,
        .. DaprChecks.List,
        .. DeskChecks.List,
        .. WorkloadChecks.List,
        .. PodChecks.List,
        .. ScalingChecks.List,
        .. NetworkChecks.List,
        .. GatewayChecks.List,
        .. PackagingChecks.List,
        .. MonitoringChecks.List,
        .. DocumentChecks.List,
    ];
}

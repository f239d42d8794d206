using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Accounts.Contracts;
using Deployment.Tests.Model;
using TestSupport;

namespace Deployment.Tests;

/// <summary>What an app may ask of its sidecar is what its code asks for, read in the built assemblies.</summary>
public sealed class ApiCallTests
{
    // So that `dapr list` and `dapr stop` work, which are not ours, and so that the other protocol is closed where an app uses one.
    private const string ForTheCommandLine = "metadata v1 http";

    [Theory]
    [InlineData(AppIds.Command, "Accounts.Command", "EventLog", "ServiceDefaults")]
    [InlineData(AppIds.Processor, "Accounts.Processor", "EventLog", "ServiceDefaults")]
    [InlineData(AppIds.Query, "Accounts.Query", "ServiceDefaults")]
    public void An_app_may_make_the_calls_that_its_code_makes_and_no_other(string app, params string[] assemblies)
    {
        var allowed = Rendering.Scene.In($"configuration/{app}.yaml").Single().Spec.Items("api", "allowed")
            .Select(rule => $"{rule.Text("name")} {rule.Text("version")} {rule.Text("protocol")}");

        var calls = assemblies.SelectMany(Called).SelectMany(Apis).Append(ForTheCommandLine).Distinct();

        Assert.Equal(calls.Order(StringComparer.Ordinal), allowed.Order(StringComparer.Ordinal));
    }

    /// <summary>The methods of Dapr's clients that an assembly calls.</summary>
    private static IEnumerable<string> Called(string assembly)
    {
        using var image = new PEReader(File.OpenRead(Repository.Assembly(assembly)));
        var metadata = image.GetMetadataReader();
        return [.. metadata.MemberReferences.Select(metadata.GetMemberReference)
            .Where(member => member.Parent.Kind == HandleKind.TypeReference)
            .Select(member => (Type: metadata.GetTypeReference((TypeReferenceHandle)member.Parent), Method: metadata.GetString(member.Name)))
            .Where(member => metadata.GetString(member.Type.Namespace).StartsWith("Dapr.", StringComparison.Ordinal) || metadata.GetString(member.Type.Name) == "DaprClient")
            .Select(member => $"{metadata.GetString(member.Type.Name)}.{member.Method}")];
    }

    private static IEnumerable<string> Apis(string call) => call switch
    {
        "DaprClient.CreateInvokeHttpClient" => ["invoke v1 http"],
        "DaprClient.BulkPublishEventAsync" or "DaprClient.BulkPublishByteEventAsync" => ["publish v1 grpc", "publish v1alpha1 grpc"],
        _ when call.StartsWith("IActorProxyFactory.", StringComparison.Ordinal) || call.StartsWith("ActorProxy.", StringComparison.Ordinal) => ["actors v1 http"],
        _ when !call.StartsWith("DaprClient.", StringComparison.Ordinal) => [],
        _ when call.Contains("Health", StringComparison.Ordinal) => [],
        _ when call.Contains("Metadata", StringComparison.Ordinal) => ["metadata v1 grpc"],
        _ when call.Contains("BulkPublish", StringComparison.Ordinal) => ["publish v1 grpc", "publish v1alpha1 grpc"],
        _ when call.Contains("Publish", StringComparison.Ordinal) => ["publish v1 grpc"],
        _ when call.Contains("State", StringComparison.Ordinal) => ["state v1 grpc"],
        _ when call.EndsWith(".ctor", StringComparison.Ordinal) => [],
        _ => [call + " is not known to this test"],
    };
}

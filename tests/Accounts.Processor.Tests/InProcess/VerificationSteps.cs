using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using Accounts.Processor.Verification;
using TestSupport;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>What tests of verification ask of a replica.</summary>
internal static class VerificationSteps
{
    /// <summary>Asks for a verification and waits until it is done.</summary>
    public static async Task<VerificationRow> Verify(Replica replica, string view, bool heal)
    {
        var stop = TestContext.Current.CancellationToken;
        var at = await replica.Operator();
        Assert.Null(await VerificationOrders.BeginAsync(at, (Function.View)Operator.Find(view)!, heal, stop));
        return await Eventually.Gives(
            async () => await VerificationOrders.ReadAsync(at, view, stop) is { State: "done" } done
                ? done
                : throw new TimeoutException($"The verification of {view} is not done: {string.Join(" | ", replica.Log.ToArray().TakeLast(5))}"),
            TimeSpan.FromSeconds(30));
    }
}

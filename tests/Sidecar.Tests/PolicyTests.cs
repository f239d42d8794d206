using Sidecar.Configuration;
using Sidecar.Resiliency;

namespace Sidecar.Tests;

public sealed class PolicyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_a_policy_there_is_one_attempt() => Assert.Equal(1, await AttemptsAsync(Policy.None, 500, 500));

    [Fact]
    public async Task Repeats_until_it_succeeds() => Assert.Equal(3, await AttemptsAsync(Retries(5), 500, 500, 200, 500));

    [Fact]
    public async Task Gives_up_after_the_allowed_retries() => Assert.Equal(3, await AttemptsAsync(Retries(2), 500, 500, 500, 500));

    [Fact]
    public async Task No_retries_are_no_retries() => Assert.Equal(1, await AttemptsAsync(Retries(0), 500, 500));

    [Theory]
    [InlineData("429,500-502", 1)]
    [InlineData("503", 3)]
    [InlineData("500-599", 3)]
    public async Task Repeats_only_the_status_codes_that_match(string codes, int attempts) =>
        Assert.Equal(attempts, await AttemptsAsync(
            new Policy(null, new RetryPolicy { Duration = TimeSpan.Zero, MaxRetries = 2, HttpStatusCodes = codes }), 503, 503, 503, 503));

    [Fact]
    public async Task An_attempt_that_takes_too_long_is_repeated()
    {
        var calls = 0;
        var policy = new Policy(TimeSpan.FromMilliseconds(50), new RetryPolicy { Duration = TimeSpan.Zero, MaxRetries = 3 });

        var result = await policy.RunAsync(
            async token =>
            {
                await Task.Delay(++calls < 3 ? Timeout.Infinite : 0, token);
                return 200;
            },
            Judge, -1, TimeProvider.System, Token, Token);

        Assert.Equal((200, 3), (result, calls));
    }

    [Fact]
    public void Targets_find_their_policies_by_name_and_others_by_the_reserved_names()
    {
        var policies = new Policies(
        [
            new ResiliencyFile
            {
                Name = "r",
                File = "r.yaml",
                Timeouts = new Dictionary<string, TimeSpan> { ["slow"] = TimeSpan.FromSeconds(9), ["DefaultActorTimeoutPolicy"] = TimeSpan.FromSeconds(1) },
                Retries = new Dictionary<string, RetryPolicy>
                {
                    ["often"] = new() { MaxRetries = 7 },
                    ["DefaultComponentInboundRetryPolicy"] = new() { MaxRetries = 1 },
                    ["DefaultRetryPolicy"] = new() { MaxRetries = 2 },
                },
                Inbound = new Dictionary<string, PolicyNames> { ["named"] = new("slow", "often") },
            },
        ]);

        Assert.Equal((TimeSpan.FromSeconds(9), 7), (policies.Inbound("named").Timeout, policies.Inbound("named").Retry!.MaxRetries));
        Assert.Equal((null, 1), (policies.Inbound("other").Timeout, policies.Inbound("other").Retry!.MaxRetries));
        Assert.Null(policies.Outbound("named", "pubsub").Retry);
        Assert.Equal((TimeSpan.FromSeconds(1), 2), (policies.Actor("t").Timeout, policies.Actor("t").Retry!.MaxRetries));
        Assert.Equal(2, policies.App("callee").Retry!.MaxRetries);
        Assert.Equal((3, 5), (policies.ActorGone.MaxRetries, policies.ActorNotFound.MaxRetries));
    }

    private static Policy Retries(int count) => new(null, new RetryPolicy { Duration = TimeSpan.Zero, MaxRetries = count });

    private static Verdict Judge(int status) => status == 200 ? Verdict.Done : new Verdict(true, status);

    private static async Task<int> AttemptsAsync(Policy policy, params int[] statuses)
    {
        var attempts = 0;
        await policy.RunAsync(_ => Task.FromResult(statuses[attempts++]), Judge, -1, TimeProvider.System, Token, Token);
        return attempts;
    }
}

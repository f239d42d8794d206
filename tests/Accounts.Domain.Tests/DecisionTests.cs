using Accounts.Domain;

namespace Accounts.Domain.Tests;

public class DecisionTests
{
    private const long At = 1_481_351_048_967;
    private static readonly Account Active = new(At, At, 1, "123456", false, AccountStatus.Active);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_created_account_is_pending_and_default_if_so_wished(bool isDefault)
    {
        var decision = Decision.Decide(new AccountCommand.Create("123456", 7, isDefault), null, At);

        var happened = Assert.Single(decision.Events);
        Assert.Equal(new AccountEvent.Created(At, "123456", 7, isDefault), happened);
        Assert.Equal(new Account(At, At, 7, "123456", isDefault, AccountStatus.Pending, isDefault ? At : null), Account.Evolve(null, happened));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void A_number_is_taken_whatever_the_content(long userId, bool isDefault) =>
        Assert.Equal(Refusals.NumberTaken, Decision.Decide(new AccountCommand.Create("123456", userId, isDefault), Active, At).Refusal);

    [Fact]
    public void The_reason_is_kept_in_every_event_that_a_command_on_an_account_makes()
    {
        foreach (var status in Enum.GetValues<AccountStatus>())
        {
            foreach (var isDefault in new[] { false, true })
            {
                var account = Active with { Status = status, DefaultAccount = isDefault };
                foreach (var name in Decision.Legal(account))
                {
                    Assert.All(
                        Decision.Decide(AccountCommand.Named(name, "because")!, account, At).Events,
                        happened => Assert.Equal("because", AccountStorage.Write(happened).Data.GetProperty("reason").GetString()));
                }
            }
        }
    }

    [Theory]
    [InlineData(AccountStatus.Active, null, true)]
    [InlineData(AccountStatus.Active, false, true)]
    [InlineData(null, false, true)]
    [InlineData(null, null, true)]
    [InlineData(AccountStatus.Active, true, false)]
    [InlineData(null, true, false)]
    [InlineData(AccountStatus.Pending, null, false)]
    [InlineData(AccountStatus.Pending, false, false)]
    public void A_command_whose_fact_is_gone_is_accepted_without_effect(AccountStatus? status, bool? isDefault, bool holds)
    {
        var decision = Decision.Decide(new AccountCommand.Suspend(If: new Fact(status, isDefault)), Active, At);

        Assert.Null(decision.Refusal);
        Assert.Equal(holds ? 1 : 0, decision.Events.Count);
    }

    [Fact]
    public void A_command_that_the_status_forbids_is_accepted_without_effect_when_its_fact_is_gone_too() =>
        Assert.Null(Decision.Decide(new AccountCommand.Confirm(If: new Fact(AccountStatus.Pending)), Active, At).Refusal);

    [Theory]
    [InlineData(true, 500L, 500L, true)]
    [InlineData(true, 501L, 500L, false)]
    [InlineData(false, null, 500L, false)]
    [InlineData(true, null, 500L, true)]
    public void A_command_may_rest_on_the_time_since_when_an_account_is_the_default_one(bool isDefault, long? since, long fact, bool holds)
    {
        var account = Active with { DefaultAccount = isDefault, DefaultSince = since };

        Assert.Equal(holds ? 1 : 0, Decision.Decide(new AccountCommand.Suspend(If: new Fact(DefaultSince: fact)), account, At).Events.Count);
    }

    [Fact]
    public void An_account_knows_since_when_it_is_the_default_one()
    {
        var made = Account.Evolve(Active, new AccountEvent.MadeDefault(At + 5, "123456"));
        var cleared = Account.Evolve(made, new AccountEvent.DefaultCleared(At + 6, "123456"));

        Assert.Equal((true, At + 5), (made.DefaultAccount, made.DefaultSince));
        Assert.Equal((false, null), (cleared.DefaultAccount, cleared.DefaultSince));
    }

    [Fact]
    public void Every_event_carries_the_user()
    {
        foreach (var status in Enum.GetValues<AccountStatus>())
        {
            foreach (var isDefault in new[] { false, true })
            {
                var account = Active with { UserId = 77, Status = status, DefaultAccount = isDefault };
                foreach (var name in Decision.Legal(account))
                {
                    Assert.All(
                        Decision.Decide(AccountCommand.Named(name)!, account, At).Events,
                        happened => Assert.Equal((77L, 77L), (happened.User!.Value, AccountStorage.Write(happened).Data.GetProperty("userId").GetInt64())));
                }
            }
        }
    }

    [Fact]
    public void Time_never_goes_back_within_an_account()
    {
        var happened = Assert.Single(Decision.Decide(new AccountCommand.Suspend(), Active with { LastModified = At + 100 }, At).Events);

        Assert.Equal(At + 100, happened.CreatedAt);
        Assert.Equal(At + 100, happened.LastModified);
    }

    [Fact]
    public void An_event_that_cannot_follow_is_a_fault()
    {
        Assert.Throws<InvalidOperationException>(() => Account.Evolve(null, new AccountEvent.Confirmed(At, "123456")));
        Assert.Throws<InvalidOperationException>(() => Account.Evolve(Active, new AccountEvent.Created(At, "123456", 1, true)));
    }
}

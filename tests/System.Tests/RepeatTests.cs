namespace SystemTests;

/// <summary>The same command again: from an impatient client, from many at once, after a restart.</summary>
public class RepeatTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Fact]
    public async Task A_repeated_create_with_its_key_gets_the_same_answer_also_when_the_account_has_gone_on()
    {
        var number = AccountSystem.NewNumber();
        var first = (await _accounts.Create(number, headers: [("Idempotency-Key", "open")])).Is(201);
        await _accounts.Shown(number, 3);

        var second = (await _accounts.Create(number, headers: [("Idempotency-Key", "\"open\"")])).Is(201);

        Assert.Equal(first.Text, second.Text);
        Assert.Equal((first["ETag"], first["Location"]), (second["ETag"], second["Location"]));
        Assert.Equal(3, (await _accounts.Shown(number, 3)).Version);
    }

    [Fact]
    public async Task A_refusal_is_repeated_like_any_other_answer()
    {
        var number = await _accounts.Alive();
        var first = (await _accounts.Command(number, "confirm", null, ("Idempotency-Key", "k"))).IsProblem(409, "wrong-status");
        (await _accounts.Command(number, "suspend")).Is(200);

        var second = (await _accounts.Command(number, "confirm", null, ("Idempotency-Key", "k"))).IsProblem(409, "wrong-status");

        Assert.Equal("ACCOUNT_ACTIVE", second.Json.GetProperty("currentStatus").GetString());
        Assert.Equal(first["ETag"], second["ETag"]);
    }

    [Fact]
    public async Task A_keyed_command_without_effect_has_none_either_when_the_state_has_changed()
    {
        var number = await _accounts.Alive();
        var idle = (await _accounts.Command(number, "activate", null, ("Idempotency-Key", "k"))).Is(200);
        Assert.Equal(3, idle.Version);
        (await _accounts.Command(number, "suspend")).Is(200);

        var again = (await _accounts.Command(number, "activate", null, ("Idempotency-Key", "k"))).Is(200);

        Assert.Equal((idle.Text, idle["ETag"]), (again.Text, again["ETag"]));
        var now = (await _accounts.Command(number, "suspend")).Is(200);
        Assert.Equal((4, "ACCOUNT_SUSPENDED"), (now.Version, now.Json.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task Twenty_at_once_with_one_key_have_one_effect_and_one_answer()
    {
        var number = await _accounts.Alive();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _accounts.Command(number, "suspend", null, ("Idempotency-Key", "once"))));

        Assert.Single(answers.Select(answer => answer.Is(200).Text).Distinct());
        Assert.Equal(4, (await _accounts.Command(number, "suspend")).Version);
    }
}

using System.Text.Json.Serialization;

namespace Accounts.Domain;

/// <summary>Something that someone wants done with an account. The names travel between replicas and in addresses.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "command")]
[JsonDerivedType(typeof(Create), "create")]
[JsonDerivedType(typeof(Confirm), "confirm")]
[JsonDerivedType(typeof(Activate), "activate")]
[JsonDerivedType(typeof(Suspend), "suspend")]
[JsonDerivedType(typeof(Archive), "archive")]
[JsonDerivedType(typeof(MakeDefault), "make-default")]
[JsonDerivedType(typeof(ClearDefault), "clear-default")]
public abstract record AccountCommand
{
    private AccountCommand(string? reason, Fact? @if) => (Reason, If) = (reason, @if);

    /// <summary>Why, in the words of whoever sent the command; kept in the event.</summary>
    public string? Reason { get; }

    /// <summary>What the command rests on: when that is gone, the command is accepted and has no effect.</summary>
    public Fact? If { get; }

    /// <summary>The command's name.</summary>
    [JsonIgnore]
    public string Name => this switch
    {
        Create => "create",
        Confirm => "confirm",
        Activate => "activate",
        Suspend => "suspend",
        Archive => "archive",
        MakeDefault => "make-default",
        ClearDefault => "clear-default",
        _ => throw new InvalidOperationException($"{GetType().Name} has no name."),
    };

    /// <summary>The names of the commands on an existing account, in the order in which they are offered.</summary>
    public static IReadOnlyList<string> Names { get; } = ["confirm", "activate", "suspend", "archive", "make-default", "clear-default"];

    /// <summary>The command with this name, of <see cref="Names"/>; null when there is none.</summary>
    public static AccountCommand? Named(string name, string? reason = null, Fact? fact = null) => name switch
    {
        "confirm" => new Confirm(reason, fact),
        "activate" => new Activate(reason, fact),
        "suspend" => new Suspend(reason, fact),
        "archive" => new Archive(reason, fact),
        "make-default" => new MakeDefault(reason, fact),
        "clear-default" => new ClearDefault(reason, fact),
        _ => null,
    };

    /// <summary>Open an account.</summary>
    public sealed record Create(string AccountNumber, long UserId, bool DefaultAccount) : AccountCommand(null, null);

    /// <summary>Confirm a pending account.</summary>
    public sealed record Confirm(string? Reason = null, Fact? If = null) : AccountCommand(Reason, If);

    /// <summary>Bring an account into use, for the first time or again.</summary>
    public sealed record Activate(string? Reason = null, Fact? If = null) : AccountCommand(Reason, If);

    /// <summary>Take an active account out of use for a while.</summary>
    public sealed record Suspend(string? Reason = null, Fact? If = null) : AccountCommand(Reason, If);

    /// <summary>Put an account away.</summary>
    public sealed record Archive(string? Reason = null, Fact? If = null) : AccountCommand(Reason, If);

    /// <summary>Make it the user's default account.</summary>
    public sealed record MakeDefault(string? Reason = null, Fact? If = null) : AccountCommand(Reason, If);

    /// <summary>Let it no longer be the user's default account.</summary>
    public sealed record ClearDefault(string? Reason = null, Fact? If = null) : AccountCommand(Reason, If);
}

/// <summary>What must be so of an account for a command to have an effect; what is null does not matter.</summary>
/// <param name="Status">The status that it must have.</param>
/// <param name="DefaultAccount">Whether it must be the default account.</param>
/// <param name="DefaultSince">
/// Time of the event since which it must have been the default account, in epoch milliseconds. Snapshots of an older version
/// do not know the time: then it is enough to be the default.
/// </param>
public sealed record Fact(AccountStatus? Status = null, bool? DefaultAccount = null, long? DefaultSince = null)
{
    /// <summary>True when the account is so.</summary>
    public bool Holds(Account account) =>
        (Status is null || Status == account.Status) && (DefaultAccount is null || DefaultAccount == account.DefaultAccount)
        && (DefaultSince is null || (account.DefaultAccount && (account.DefaultSince ?? DefaultSince) == DefaultSince));
}

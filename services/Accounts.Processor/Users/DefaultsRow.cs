using System.Text.Json.Serialization;
using Accounts.Contracts;

namespace Accounts.Processor.Users;

/// <summary>
/// What the policy keeps of a user in a partition. The latest only grows, so that events may come again and in any order; the
/// beaten are those whose clearing has not been answered yet.
/// </summary>
/// <param name="Latest">The latest of the user's accounts in this partition that ever became default.</param>
/// <param name="Beaten">Accounts of this partition that became default before it and are to be cleared.</param>
internal sealed record DefaultsRow(IndexDefault Latest, IReadOnlyList<IndexDefault> Beaten)
{
    public static string Key(ViewPointer at, long user, int partition) =>
        RowKeys.Row(at, "defaults", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{user}.{partition}"));

    /// <summary>The row after an account has become default.</summary>
    public static DefaultsRow After(DefaultsRow? before, IndexDefault became) =>
        before is null ? new DefaultsRow(became, [])
        : before.Latest == became || before.Beaten.Contains(became) ? before
        : became.Beats(before.Latest) ? new DefaultsRow(became, [.. before.Beaten, before.Latest])
        : before with { Beaten = [.. before.Beaten, became] };
}

/// <summary>What is kept of a user that is gone.</summary>
/// <param name="Because">Id of the message that said so first.</param>
/// <param name="Done">Every account that was open then has been dealt with.</param>
internal sealed record DeletedUserRow(string Because, bool Done)
{
    public static string Key(ViewPointer at, long user) =>
        RowKeys.Row(at, "deleted-user", user.ToString(System.Globalization.CultureInfo.InvariantCulture));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(DefaultsRow))]
[JsonSerializable(typeof(DeletedUserRow))]
[JsonSerializable(typeof(DeadLetterRow))]
internal sealed partial class UsersJson : JsonSerializerContext;

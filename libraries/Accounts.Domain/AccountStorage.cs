using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Accounts.Domain;

/// <summary>
/// How accounts are stored: names, schema numbers and JSON fields of events, and the JSON of states and commands. Stored
/// names are explicit, so that types can be renamed.
/// </summary>
public static class AccountStorage
{
    /// <summary>How an account is kept in snapshots.</summary>
    public static JsonTypeInfo<Account> StateJson => StrictAccountJson.Default.Account;

    /// <summary>How a command travels between replicas; equal commands give equal bytes.</summary>
    public static JsonTypeInfo<AccountCommand> CommandJson => StrictAccountJson.Default.AccountCommand;

    /// <summary>An event in its stored form: name, number of its schema, and its fields as a JSON object.</summary>
    public static (string Name, int Schema, JsonElement Data) Write(AccountEvent happened) => happened switch
    {
        AccountEvent.Created e => ("ACCOUNT_CREATED", 1, JsonSerializer.SerializeToElement(e, AccountJson.Default.Created)),
        AccountEvent.Confirmed e => ("ACCOUNT_CONFIRMED", 1, JsonSerializer.SerializeToElement(e, AccountJson.Default.Confirmed)),
        AccountEvent.Activated e => ("ACCOUNT_ACTIVATED", 1, JsonSerializer.SerializeToElement(e, AccountJson.Default.Activated)),
        AccountEvent.Suspended e => ("ACCOUNT_SUSPENDED", 1, JsonSerializer.SerializeToElement(e, AccountJson.Default.Suspended)),
        AccountEvent.Archived e => ("ACCOUNT_ARCHIVED", 1, JsonSerializer.SerializeToElement(e, AccountJson.Default.Archived)),
        AccountEvent.MadeDefault e => ("ACCOUNT_MADE_DEFAULT", 1, JsonSerializer.SerializeToElement(e, AccountJson.Default.MadeDefault)),
        AccountEvent.DefaultCleared e => ("ACCOUNT_DEFAULT_CLEARED", 1, JsonSerializer.SerializeToElement(e, AccountJson.Default.DefaultCleared)),
        _ => throw new InvalidOperationException($"{happened.GetType().Name} has no stored name."),
    };

    /// <summary>
    /// Reads a stored event of any schema ever written as today's event. Null when this version cannot read it: the name
    /// or the schema is newer, or its fields are not what the schema says. Each schema has its own line; an older one is
    /// read as what was written then, and turned into today's event there.
    /// </summary>
    public static AccountEvent? Read(string name, int schema, JsonElement data)
    {
        try
        {
            return (name, schema) switch
            {
                ("ACCOUNT_CREATED", 1) => data.Deserialize(AccountJson.Default.Created),
                ("ACCOUNT_CONFIRMED", 1) => data.Deserialize(AccountJson.Default.Confirmed),
                ("ACCOUNT_ACTIVATED", 1) => data.Deserialize(AccountJson.Default.Activated),
                ("ACCOUNT_SUSPENDED", 1) => data.Deserialize(AccountJson.Default.Suspended),
                ("ACCOUNT_ARCHIVED", 1) => data.Deserialize(AccountJson.Default.Archived),
                ("ACCOUNT_MADE_DEFAULT", 1) => data.Deserialize(AccountJson.Default.MadeDefault),
                ("ACCOUNT_DEFAULT_CLEARED", 1) => data.Deserialize(AccountJson.Default.DefaultCleared),
                _ => null,
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(JsonStringEnumConverter<AccountStatus>)],
    // A replica of an older version must not lose what a newer one has put into a state or a command.
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Account))]
[JsonSerializable(typeof(AccountCommand))]
internal sealed partial class StrictAccountJson : JsonSerializerContext;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(AccountEvent.Created))]
[JsonSerializable(typeof(AccountEvent.Confirmed))]
[JsonSerializable(typeof(AccountEvent.Activated))]
[JsonSerializable(typeof(AccountEvent.Suspended))]
[JsonSerializable(typeof(AccountEvent.Archived))]
[JsonSerializable(typeof(AccountEvent.MadeDefault))]
[JsonSerializable(typeof(AccountEvent.DefaultCleared))]
internal sealed partial class AccountJson : JsonSerializerContext;

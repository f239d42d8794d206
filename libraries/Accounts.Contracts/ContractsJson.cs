using System.Text.Json.Serialization;

namespace Accounts.Contracts;

/// <summary>The JSON of all contracts: camel case, no nulls, strict numbers, nothing required may be missing.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(AccountBody))]
[JsonSerializable(typeof(CommandsBody))]
[JsonSerializable(typeof(EventsBody))]
[JsonSerializable(typeof(FeedBody))]
[JsonSerializable(typeof(AccountEventBody))]
[JsonSerializable(typeof(CreateAccountBody))]
[JsonSerializable(typeof(CommandBody))]
[JsonSerializable(typeof(ImportedLine))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(AccountsBody))]
[JsonSerializable(typeof(UserAccountsBody))]
[JsonSerializable(typeof(CountsBody))]
[JsonSerializable(typeof(IndexRow))]
[JsonSerializable(typeof(AccountRow))]
[JsonSerializable(typeof(FeedRow))]
[JsonSerializable(typeof(ViewPointer))]
[JsonSerializable(typeof(PointerRow))]
[JsonSerializable(typeof(CheckpointRow))]
[JsonSerializable(typeof(HeldRow))]
[JsonSerializable(typeof(HeldListRow))]
public sealed partial class ContractsJson : JsonSerializerContext;

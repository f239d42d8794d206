using System.Text.Json.Serialization;
using Accounts.Processor.Generations;
using Accounts.Processor.Operations;
using Accounts.Processor.Parking;
using Accounts.Processor.Users;
using Accounts.Processor.Verification;

namespace Accounts.Processor;

/// <summary>JSON of the processor's own rows, and of its answers to operators.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(FunctionRow))]
[JsonSerializable(typeof(WaitingRow))]
[JsonSerializable(typeof(ParkedBody))]
[JsonSerializable(typeof(ParkedListBody))]
[JsonSerializable(typeof(FunctionListBody))]
[JsonSerializable(typeof(FunctionDetailBody))]
[JsonSerializable(typeof(TroubleRow))]
[JsonSerializable(typeof(DeadLetterBody))]
[JsonSerializable(typeof(DeadLetterListBody))]
[JsonSerializable(typeof(VerificationRow))]
internal sealed partial class ProcessorJson : JsonSerializerContext;

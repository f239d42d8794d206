using System.Text.Json.Serialization;
using Accounts.Processor.Generations;
using Accounts.Processor.Parking;

namespace Accounts.Processor;

/// <summary>JSON of the processor's own rows, and of its answers to operators.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(FunctionRow))]
[JsonSerializable(typeof(HeldPage))]
[JsonSerializable(typeof(WaitingRow))]
[JsonSerializable(typeof(ParkedBody))]
[JsonSerializable(typeof(ParkedListBody))]
internal sealed partial class ProcessorJson : JsonSerializerContext;

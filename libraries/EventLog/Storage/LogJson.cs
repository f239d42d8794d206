using System.Text.Json;
using System.Text.Json.Serialization;

namespace EventLog;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Head))]
[JsonSerializable(typeof(LogFile))]
[JsonSerializable(typeof(StoredSnapshot))]
[JsonSerializable(typeof(WakeUp))]
[JsonSerializable(typeof(RouteRequest))]
[JsonSerializable(typeof(RouteReply))]
internal sealed partial class LogJson : JsonSerializerContext;

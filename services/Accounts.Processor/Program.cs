using Accounts.Processor.Consumers;
using Accounts.Processor.Operations;
using Accounts.Processor.Parking;
using Accounts.Processor.Users;
using ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("Accounts: processor", "Makes views of the account log and answers its events.");
builder.AddFunctions();

var app = builder.Build();
app.UseServiceDefaults();
app.MapFunctions();
app.MapFunctionOperations();
app.MapParked();
app.MapDeadLetters();
app.Run();

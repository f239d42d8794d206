using Accounts.Command;
using Accounts.Command.Import;
using ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("Accounts: commands", "Opens accounts and changes them. Every answer is durable and names the version and the position in the log.");
builder.AddAccountLog();

var app = builder.Build();
app.UseServiceDefaults();
app.MapAccountLog();
app.MapAccountCommands();
app.MapAccountImport();
app.Run();

console.error("phinets: no commands yet");

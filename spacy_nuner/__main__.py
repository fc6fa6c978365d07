from spacy_nuner.cli import main

if __name__ == "__main__":
    main()
